/* session.c: see session.h. Written for Wireshark 4.0.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "session.h"

#include <epan/addr_resolv.h>
#include <epan/column-info.h>
#include <epan/column.h>
#include <epan/conversation_filter.h>
#include <epan/epan.h>
#include <epan/packet.h>
#include <epan/prefs.h>
#include <epan/print.h>
#include <epan/stat_tap_ui.h>
#include <epan/stats_tree_priv.h>
#include <epan/tap.h>
#include <epan/timestamp.h>
#include <wiretap/wtap.h>
#include <wsutil/filesystem.h>
#include <wsutil/privileges.h>
#include <wsutil/wslog.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plugin_register(void);

/* A session of Wireshark's own costs as much as a hundred inputs, for all of its dissectors start
 * anew. The plugin does so for every input. */
enum { RENEWALS_IN_A_SESSION = 200 };

static epan_t *session;
static epan_dissect_t *edt;
static column_info columns;
static print_stream_t *nowhere;
static GArray *times; /* of the frames, by number less one */

static const nstime_t *time_of(struct packet_provider_data *unused _U_, guint32 number)
{
    return number > 0 && number <= times->len ? &g_array_index(times, nstime_t, number - 1) : NULL;
}

static const struct packet_provider_funcs functions = {.get_frame_ts = time_of};

/* The plugin's own, caught by the linker as it registers them. */
static void (*plugin_start_file)(void), (*plugin_end_file)(void);
void __wrap_register_init_routine(void (*routine)(void));
void __wrap_register_cleanup_routine(void (*routine)(void));
void __real_register_init_routine(void (*routine)(void));
void __real_register_cleanup_routine(void (*routine)(void));

void __wrap_register_init_routine(void (*routine)(void))
{
    plugin_start_file = routine;
    __real_register_init_routine(routine);
}

void __wrap_register_cleanup_routine(void (*routine)(void))
{
    plugin_end_file = routine;
    __real_register_cleanup_routine(routine);
}

/* Only what the plugin hears of: the hundreds of other dissectors are not under test here, and
 * their own faults would end the search. Without an enabled protocol that has a postdissector, as
 * PRP, 4.0 calls none. */
static void enable_few_protocols(void)
{
    static const char *const few[] = {
        "prp",   "frame", "eth",    "ethertype", "vlan",    "arp", "ip",
        "ipv6",  "icmp",  "icmpv6", "tcp",       "udp",     "dns", "mdns",
        "llmnr", "vxlan", "data",   "raw",       "winsock", "gre", "_ws.malformed"};
    void *cookie;

    for (int id = proto_get_first_protocol(&cookie); id != -1;
         id = proto_get_next_protocol(&cookie)) {
        gboolean wanted = FALSE;
        for (size_t i = 0; i < G_N_ELEMENTS(few); i++)
            wanted = wanted || strcmp(proto_get_protocol_filter_name(id), few[i]) == 0;
        if (!proto_is_pino(find_protocol_by_id(id)) && proto_can_toggle_protocol(id))
            proto_set_decoding(id, wanted);
    }
}

void session_start(void)
{
    setenv("WIRESHARK_ABORT_ON_DISSECTOR_BUG", "1", 1);
    setenv("WIRESHARK_ABORT_ON_TOO_MANY_ITEMS", "1", 1);
    setenv("WIRESHARK_DEBUG_WMEM_OVERRIDE", "simple", 0); /* each allocation by malloc */
    ws_log_init("fuzz", NULL);
    ws_log_set_fatal(LOG_LEVEL_CRITICAL);
    init_process_policies();
    g_free(configuration_init("fuzz", NULL));
    wtap_init(FALSE);
    plugin_register();
    g_assert(epan_init(NULL, NULL, FALSE));
    epan_load_settings();
    timestamp_set_type(TS_EPOCH);
    timestamp_set_precision(TS_PREC_AUTO);
    disable_name_resolution();
    enable_few_protocols();
    build_column_format_array(&columns, prefs.num_cols, TRUE);
    prefs.st_enable_burstinfo = FALSE; /* it walks through the time between packets */
    g_assert(process_stat_cmd_arg("winsock,report"));
    start_requested_stats();
    nowhere = print_stream_text_new(TRUE, "/dev/null");
    g_assert(nowhere && freopen("/dev/null", "w", stdout)); /* where the report goes */
    times = g_array_new(FALSE, FALSE, sizeof(nstime_t));
    session_renew();
}

void session_renew(void)
{
    static unsigned renewals;

    reset_tap_listeners();
    if (renewals++ % RENEWALS_IN_A_SESSION != 0) {
        plugin_end_file();
        plugin_start_file();
        return;
    }
    if (edt)
        epan_dissect_free(edt);
    if (session)
        epan_free(session);
    session = epan_new(NULL, &functions);
    edt = epan_dissect_new(session, TRUE, TRUE);
    g_array_set_size(times, 0);
}

epan_dissect_t *session_dissect(session_frame *frame, gboolean tree, gboolean visible)
{
    wtap_rec rec = {.rec_type = REC_TYPE_PACKET,
                    .presence_flags = WTAP_HAS_TS | WTAP_HAS_CAP_LEN,
                    .ts = frame->time,
                    .tsprec = WTAP_TSPREC_NSEC,
                    .rec_header.packet_header = {.caplen = frame->captured,
                                                 .len = frame->reported,
                                                 .pkt_encap = frame->encapsulation}};

    epan_dissect_cleanup(edt);
    epan_dissect_init(edt, session, tree, visible);
    if (frame->fd.num == 0) {
        g_array_append_val(times, frame->time);
        frame_data_init(&frame->fd, times->len, &rec, 0, 0);
    }
    tvbuff_t *tvb = tvb_new_real_data(frame->bytes, frame->captured, (gint)frame->reported);
    epan_dissect_run_with_taps(edt, WTAP_FILE_TYPE_SUBTYPE_UNKNOWN, &rec, tvb, &frame->fd,
                               &columns);
    if (frame->fd.visited)
        epan_dissect_fill_in_columns(edt, FALSE, TRUE);
    frame->fd.visited = 1;
    return edt;
}

static void offer_conversation_filters(packet_info *pinfo)
{
    for (const GList *each = packet_conv_filter_list; each; each = each->next) {
        const conversation_filter_t *filter = each->data;
        if (strcmp(filter->proto_name, "winsock") == 0 && filter->is_filter_valid(pinfo))
            g_free(filter->build_filter_string(pinfo));
    }
}

void session_print(epan_dissect_t *dissected)
{
    proto_tree_print(print_dissections_expanded, FALSE, dissected, NULL, nowhere);
    offer_conversation_filters(&dissected->pi);
}

stats_tree *session_count(void)
{
    stats_tree_cfg *kind = stats_tree_get_cfg_by_abbr("winsock");
    stats_tree *counts = stats_tree_new(kind, NULL, NULL);
    GString *error = register_tap_listener(kind->tapname, counts, NULL, 0, stats_tree_reset,
                                           stats_tree_packet, NULL, NULL);

    g_assert(!error);
    kind->init(counts); /* as tshark does */
    return counts;
}

void session_draw_statistics(stats_tree *counts)
{
    g_string_free(stats_tree_format_as_str(counts, ST_FORMAT_PLAIN, 0, FALSE), TRUE);
    remove_tap_listener(counts);
    stats_tree_free(counts);
    draw_tap_listeners(TRUE);
}
