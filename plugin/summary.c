/* summary.c: one line that says what failed, for the packet list and the tree.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "summary.h"

#include "compat.h"
#include "text.h"

#include <epan/addr_resolv.h>
#include <epan/to_str.h>
#include <wsutil/str_util.h>

#include <string.h>

static const value_string operations[] = {{0, "unknown"},
#define X(number, identifier, name) {number, name},
#include "fields/operations.def"
#undef X
                                          {0, NULL}};
value_string_ext operation_names = VALUE_STRING_EXT_INIT(operations);

static const value_string errors[] = {
#define X(number, name, aliases, title, category, description, advice) {number, name},
#include "fields/errors.def"
#undef X
    {0, NULL}};
value_string_ext error_names = VALUE_STRING_EXT_INIT(errors);

const char *operation_name(guint16 operation)
{
    return operation ? try_val_to_str_ext(operation, &operation_names) : NULL;
}

/* As printf would, which costs more than all else here. */
static void append_number(wmem_strbuf_t *text, guint32 number)
{
    char digits[11], *at = digits + sizeof digits - 1;

    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    wmem_strbuf_append(text, at);
}

/* An address of a dual-stack socket that talks IPv4 is shown as the IPv4 address. */
static void set_endpoint_address(address *addr, const winsock_endpoint *endpoint)
{
    static const guint8 mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (endpoint->length == 4)
        set_address(addr, AT_IPv4, 4, endpoint->address);
    else if (memcmp(endpoint->address, mapped, sizeof mapped) == 0)
        set_address(addr, AT_IPv4, 4, endpoint->address + sizeof mapped);
    else
        set_address(addr, AT_IPv6, 16, endpoint->address);
}

static void append_port(wmem_strbuf_t *text, wmem_allocator_t *scope, guint16 port,
                        guint16 protocol)
{
    switch (protocol) {
    case WINSOCK_IPPROTO_TCP:
        wmem_strbuf_append(text, tcp_port_to_display(scope, port));
        break;
    case WINSOCK_IPPROTO_UDP:
        wmem_strbuf_append(text, udp_port_to_display(scope, port));
        break;
    default:
        append_number(text, port);
    }
}

static void append_endpoint(wmem_strbuf_t *text, wmem_allocator_t *scope,
                            const winsock_endpoint *endpoint, guint16 protocol)
{
    address addr;

    set_endpoint_address(&addr, endpoint);
    const char *host = address_to_display(scope, &addr);
    gboolean bracketed = strchr(host, ':') != NULL;
    if (bracketed)
        wmem_strbuf_append_c(text, '[');
    wmem_strbuf_append(text, host);
    if (bracketed && endpoint->scope) {
        wmem_strbuf_append_c(text, '%');
        append_number(text, endpoint->scope);
    }
    wmem_strbuf_append(text, bracketed ? "]:" : ":");
    append_port(text, scope, endpoint->port, protocol);
}

const char *summary_of_endpoint(wmem_allocator_t *scope, const winsock_endpoint *endpoint,
                                guint16 protocol)
{
    if (endpoint->length == 0)
        return "";
    wmem_strbuf_t *text = wmem_strbuf_new(scope, "");
    append_endpoint(text, scope, endpoint, protocol);
    return wmem_strbuf_get_str(text);
}

static void append_endpoints(wmem_strbuf_t *text, wmem_allocator_t *scope,
                             const winsock_failure *failure)
{
    gboolean udp = failure->protocol == WINSOCK_IPPROTO_UDP ||
                   (failure->protocol == 0 && failure->type == WINSOCK_SOCK_DGRAM);
    guint16 protocol = udp ? WINSOCK_IPPROTO_UDP : WINSOCK_IPPROTO_TCP;

    if (failure->local.length) {
        wmem_strbuf_append_c(text, ' ');
        append_endpoint(text, scope, &failure->local, protocol);
    }
    if (failure->remote.length) {
        wmem_strbuf_append(text, " \xe2\x86\x92 "); /* a right arrow */
        append_endpoint(text, scope, &failure->remote, protocol);
    }
}

static const char *operation_text(wmem_allocator_t *scope, guint16 operation)
{
    const char *name = operation_name(operation);
    return name ? name : wmem_strdup_printf(scope, "operation %u", operation);
}

/* A title that is a whole sentence, as the listing's are, leaves its full stop behind. */
static void append_title(wmem_strbuf_t *text, const char *title)
{
    size_t length = title ? strlen(title) : 0;

    if (length > 0 && title[length - 1] == '.')
        length--;
    if (length > 0) {
        wmem_strbuf_append(text, ": ");
        wmem_strbuf_append_len(text, title, length);
    }
}

static void append_in_brackets(wmem_strbuf_t *text, guint32 number)
{
    wmem_strbuf_append(text, " (");
    append_number(text, number);
    wmem_strbuf_append_c(text, ')');
}

/* As its code space writes numbers. */
static void append_code(wmem_strbuf_t *text, const winsock_failure *failure)
{
    if (failure->space == SPACE_HRESULT || failure->space == SPACE_NTSTATUS)
        wmem_strbuf_append_printf(text, " (0x%08x)", failure->code);
    else
        append_in_brackets(text, failure->code);
}

const char *summary_of_error(wmem_allocator_t *scope, const winsock_failure *failure)
{
    if (failure->entry.origin != ORIGIN_UNKNOWN)
        return failure->entry.name;
    wmem_strbuf_t *text = wmem_strbuf_new(scope, failure->entry.name);
    append_code(text, failure);
    return wmem_strbuf_get_str(text);
}

const char *summary_of_failure(wmem_allocator_t *scope, const winsock_failure *failure)
{
    enum { USUAL = 192 }; /* bytes of a line, so that it need not grow */
    wmem_strbuf_t *text = strbuf_with_room(scope, USUAL);

    wmem_strbuf_append(text, failure->entry.name);
    append_code(text, failure);
    if (failure->operation) {
        wmem_strbuf_append_c(text, ' ');
        wmem_strbuf_append(text, operation_text(scope, failure->operation));
    }
    if (failure->node && *failure->node) {
        wmem_strbuf_append_c(text, ' ');
        wmem_strbuf_append(text, text_of_name(failure->node).text);
    }
    append_endpoints(text, scope, failure);
    append_title(text, failure->entry.title);
    if (failure->repeat > 1)
        wmem_strbuf_append_printf(text, " (%u times)", failure->repeat);
    return wmem_strbuf_get_str(text);
}

const char *summary_of_kind(wmem_allocator_t *scope, const winsock_failure *failure)
{
    const char *call = operation_name(failure->operation);
    const char *name =
        failure->entry.origin == ORIGIN_UNKNOWN ? "Unknown code" : failure->entry.name;

    return call ? wmem_strconcat(scope, name, " in ", call, NULL) : name;
}

const char *summary_in_short(wmem_allocator_t *scope, const winsock_failure *failure)
{
    const char *name = summary_of_error(scope, failure);

    if (!failure->operation)
        return name;
    return wmem_strconcat(scope, name, " in ", operation_text(scope, failure->operation), NULL);
}

char *summary_of_sender(wmem_allocator_t *scope, const winsock_sender *sender)
{
    wmem_strbuf_t *text = wmem_strbuf_new(scope, "");
    gboolean has_process = sender->process && *sender->process;

    if (has_process)
        wmem_strbuf_append(text, text_of_name(sender->process).text);
    if (sender->has_process_id && has_process)
        append_in_brackets(text, sender->process_id);
    else if (sender->has_process_id)
        wmem_strbuf_append_printf(text, "process %u", sender->process_id);
    if (sender->host && *sender->host) {
        wmem_strbuf_append(text, wmem_strbuf_get_len(text) ? " on " : "on ");
        wmem_strbuf_append(text, text_of_name(sender->host).text);
    }
    return wmem_strbuf_finalize(text);
}

const value_string category_names[] = {
#define X_CATEGORY(number, identifier, name) {number, name},
#include "fields/enums.def"
    {0, NULL}};
