/* summary.c: one line that says what failed, for the packet list and the tree.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "summary.h"

#include "text.h"

#include <epan/addr_resolv.h>
#include <epan/to_str.h>

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

static const char *port_name(wmem_allocator_t *scope, guint16 port, guint16 protocol)
{
    switch (protocol) {
    case WINSOCK_IPPROTO_TCP:
        return tcp_port_to_display(scope, port);
    case WINSOCK_IPPROTO_UDP:
        return udp_port_to_display(scope, port);
    default:
        return wmem_strdup_printf(scope, "%u", port);
    }
}

const char *summary_of_endpoint(wmem_allocator_t *scope, const winsock_endpoint *endpoint,
                                guint16 protocol)
{
    address addr;

    if (endpoint->length == 0)
        return "";
    set_endpoint_address(&addr, endpoint);
    const char *host = address_to_display(scope, &addr);
    const char *port = port_name(scope, endpoint->port, protocol);
    if (!strchr(host, ':'))
        return wmem_strdup_printf(scope, "%s:%s", host, port);
    if (endpoint->scope)
        return wmem_strdup_printf(scope, "[%s%%%u]:%s", host, endpoint->scope, port);
    return wmem_strdup_printf(scope, "[%s]:%s", host, port);
}

static void append_endpoints(wmem_strbuf_t *text, wmem_allocator_t *scope,
                             const winsock_failure *failure)
{
    gboolean udp = failure->protocol == WINSOCK_IPPROTO_UDP ||
                   (failure->protocol == 0 && failure->type == WINSOCK_SOCK_DGRAM);
    guint16 protocol = udp ? WINSOCK_IPPROTO_UDP : WINSOCK_IPPROTO_TCP;
    const char *local = summary_of_endpoint(scope, &failure->local, protocol);
    const char *remote = summary_of_endpoint(scope, &failure->remote, protocol);

    if (*local)
        wmem_strbuf_append_printf(text, " %s", local);
    if (*remote)
        wmem_strbuf_append_printf(text, " \xe2\x86\x92 %s", remote); /* a right arrow */
}

static void append_operation(wmem_strbuf_t *text, guint16 operation)
{
    const char *name = operation_name(operation);

    if (name)
        wmem_strbuf_append(text, name);
    else
        wmem_strbuf_append_printf(text, "operation %u", operation);
}

/* A title that is a whole sentence, as the listing's are, leaves its full stop behind. */
static void append_title(wmem_strbuf_t *text, const char *title)
{
    size_t length = title ? strlen(title) : 0;

    if (length > 0 && title[length - 1] == '.')
        length--;
    if (length > 0)
        wmem_strbuf_append_printf(text, ": %.*s", (int)length, title);
}

const char *summary_of_failure(wmem_allocator_t *scope, const winsock_failure *failure)
{
    wmem_strbuf_t *text = wmem_strbuf_new(scope, failure->entry.name);
    gboolean hexadecimal = failure->space == SPACE_HRESULT || failure->space == SPACE_NTSTATUS;

    wmem_strbuf_append_printf(text, hexadecimal ? " (0x%08x)" : " (%u)", failure->code);
    if (failure->operation) {
        wmem_strbuf_append_c(text, ' ');
        append_operation(text, failure->operation);
    }
    if (failure->node && *failure->node)
        wmem_strbuf_append_printf(text, " %s", text_of_name(failure->node).text);
    append_endpoints(text, scope, failure);
    append_title(text, failure->entry.title);
    if (failure->repeat > 1)
        wmem_strbuf_append_printf(text, " (%u times)", failure->repeat);
    return wmem_strbuf_get_str(text);
}

const char *summary_in_short(wmem_allocator_t *scope, const winsock_failure *failure)
{
    wmem_strbuf_t *text = wmem_strbuf_new(scope, failure->entry.name);

    if (failure->entry.origin == ORIGIN_UNKNOWN)
        wmem_strbuf_append_printf(text, " (%u)", failure->code);
    if (failure->operation) {
        wmem_strbuf_append(text, " in ");
        append_operation(text, failure->operation);
    }
    return wmem_strbuf_get_str(text);
}

const char *summary_of_sender(wmem_allocator_t *scope, const winsock_sender *sender)
{
    wmem_strbuf_t *text = wmem_strbuf_new(scope, "");
    gboolean has_process = sender->process && *sender->process;

    if (has_process)
        wmem_strbuf_append(text, text_of_name(sender->process).text);
    if (sender->has_process_id && has_process)
        wmem_strbuf_append_printf(text, " (%u)", sender->process_id);
    else if (sender->has_process_id)
        wmem_strbuf_append_printf(text, "process %u", sender->process_id);
    if (sender->host && *sender->host)
        wmem_strbuf_append_printf(text, "%son %s", wmem_strbuf_get_len(text) ? " " : "",
                                  text_of_name(sender->host).text);
    return wmem_strbuf_get_str(text);
}

const value_string category_names[] = {
#define X_CATEGORY(number, identifier, name) {number, name},
#include "fields/enums.def"
    {0, NULL}};
