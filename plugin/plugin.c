/* plugin.c: the symbols that Wireshark looks for in a plugin, and nothing else.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "compat.h"
#include "packet-winsock.h"

#include <epan/proto.h>

WS_DLL_PUBLIC_DEF const char plugin_version[] = WINSOCK_PLUGIN_VERSION;
WS_DLL_PUBLIC_DEF const int plugin_want_major = WIRESHARK_VERSION_MAJOR;
WS_DLL_PUBLIC_DEF const int plugin_want_minor = WIRESHARK_VERSION_MINOR;

WS_DLL_PUBLIC void plugin_register(void);

void plugin_register(void)
{
    static proto_plugin winsock = {
        .register_protoinfo = proto_register_winsock,
        .register_handoff = proto_reg_handoff_winsock,
    };
    proto_register_plugin(&winsock);
}

/* From 4.4 on a plugin also says what kind it is. */
#if WIRESHARK_SERIES >= 404
#include <wsutil/plugins.h>

WS_DLL_PUBLIC guint32 plugin_describe(void);

guint32 plugin_describe(void)
{
    return WS_PLUGIN_DESC_DISSECTOR;
}
#endif
