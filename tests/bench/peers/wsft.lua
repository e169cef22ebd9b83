-- wsft.lua: the same fields as the plugin's decode, as one would write them in Lua. For measuring.
-- It has the names that the measured captures need, and nothing of errors in the input, counts of
-- senders or packets around the failure.
--
-- SPDX-License-Identifier: GPL-2.0-or-later

local errors = {
    [10051] = {"WSAENETUNREACH", "Network is unreachable", 2, "Look at the routes of the host."},
    [10053] = {"WSAECONNABORTED", "Software caused connection abort", 1, "Look at the local host."},
    [10054] = {"WSAECONNRESET", "Connection reset by peer", 1, "Look for the RST."},
    [10060] = {"WSAETIMEDOUT", "Connection timed out", 1, "Look for SYNs without an answer."},
    [10061] = {"WSAECONNREFUSED", "Connection refused", 1, "Look whether somebody listens."},
}
local error_names = {}
for code, entry in pairs(errors) do
    error_names[code] = entry[1]
end
local operations = {[5] = "connect", [6] = "send", [7] = "sendto", [8] = "recv"}
local spaces = {[0] = "Winsock", [1] = "HRESULT", [2] = "NTSTATUS", [3] = "Reference listing"}
local families = {[2] = "AF_INET", [23] = "AF_INET6"}
local types = {[1] = "SOCK_STREAM", [2] = "SOCK_DGRAM"}
local protocols = {[6] = "IPPROTO_TCP", [17] = "IPPROTO_UDP"}
local categories = {[1] = "connection", [2] = "network"}
local platforms = {[1] = "Windows", [2] = "Wine", [3] = "POSIX"}

local winsock = Proto("winsock", "Winsock Failure Telemetry")
local f = {
    magic = ProtoField.string("winsock.magic", "Magic"),
    version = ProtoField.uint8("winsock.version", "Version"),
    header_length = ProtoField.uint8("winsock.header_length", "Header length"),
    flags = ProtoField.uint16("winsock.flags", "Flags", base.HEX),
    test = ProtoField.bool("winsock.flags.test", "Test", 16, nil, 1),
    sender = ProtoField.uint32("winsock.sender", "Sender", base.HEX),
    seq = ProtoField.uint32("winsock.seq", "Sequence number"),
    dropped = ProtoField.uint32("winsock.dropped", "Dropped failures"),
    sent_time = ProtoField.absolute_time("winsock.sent_time", "Sent time"),
    clock_offset = ProtoField.relative_time("winsock.clock_offset", "Clock offset"),
    host = ProtoField.string("winsock.host", "Host name"),
    process_name = ProtoField.string("winsock.process.name", "Process name"),
    process_id = ProtoField.uint32("winsock.process.id", "Process ID"),
    library = ProtoField.string("winsock.library", "Sender library"),
    platform = ProtoField.uint8("winsock.platform", "Platform", base.DEC, platforms),
    count = ProtoField.uint64("winsock.failure.count", "Failures"),
    failure = ProtoField.none("winsock.failure", "Failure"),
    code = ProtoField.uint32("winsock.code", "Code"),
    space = ProtoField.uint8("winsock.space", "Code space", base.DEC, spaces),
    error = ProtoField.uint32("winsock.error", "Error", base.DEC, error_names),
    name = ProtoField.string("winsock.name", "Name"),
    description = ProtoField.string("winsock.description", "Description"),
    advice = ProtoField.string("winsock.advice", "Advice"),
    category = ProtoField.uint8("winsock.category", "Category", base.DEC, categories),
    operation = ProtoField.uint16("winsock.operation", "Operation", base.DEC, operations),
    time = ProtoField.absolute_time("winsock.time", "Time"),
    age = ProtoField.relative_time("winsock.age", "Age"),
    thread_id = ProtoField.uint32("winsock.thread.id", "Thread ID"),
    socket = ProtoField.uint64("winsock.socket", "Socket", base.HEX_DEC),
    family = ProtoField.uint16("winsock.family", "Address family", base.DEC, families),
    type = ProtoField.uint16("winsock.type", "Type", base.DEC, types),
    protocol = ProtoField.uint16("winsock.protocol", "Protocol", base.DEC, protocols),
    local_ip = ProtoField.ipv4("winsock.local.ip", "Local address"),
    local_port = ProtoField.uint16("winsock.local.port", "Local port"),
    remote_ip = ProtoField.ipv4("winsock.remote.ip", "Remote address"),
    remote_port = ProtoField.uint16("winsock.remote.port", "Remote port"),
    node = ProtoField.string("winsock.node", "Node name"),
    service = ProtoField.string("winsock.service", "Service name"),
    duration = ProtoField.relative_time("winsock.duration", "Duration"),
    bytes = ProtoField.uint64("winsock.bytes", "Bytes"),
    repeats = ProtoField.uint32("winsock.repeat", "Repeat"),
    first_time = ProtoField.absolute_time("winsock.first_time", "First time"),
    message = ProtoField.string("winsock.message", "Message"),
    source = ProtoField.string("winsock.source", "Source"),
    trace_id = ProtoField.bytes("winsock.trace_id", "Trace ID"),
    span_id = ProtoField.bytes("winsock.span_id", "Span ID"),
    trace_flags = ProtoField.uint8("winsock.trace_flags", "Trace flags", base.HEX),
    item_type = ProtoField.uint16("winsock.item.type", "Type"),
    item_length = ProtoField.uint16("winsock.item.length", "Length"),
    item_value = ProtoField.bytes("winsock.item.value", "Value"),
}
local list = {}
for _, field in pairs(f) do
    list[#list + 1] = field
end
winsock.fields = list
local failed = ProtoExpert.new("winsock.failed", "A Winsock call failed", expert.group.RESPONSE_CODE,
                               expert.severity.NOTE)
winsock.experts = {failed}

local function nstime(nanoseconds)
    local seconds = nanoseconds / 1000000000
    return NSTime.new(seconds:tonumber(), (nanoseconds - seconds * 1000000000):tonumber())
end

local function add_time(tree, field, range)
    local value = range:uint64()
    tree:add(field, range, nstime(value))
    return value
end

local function endpoint(name, ip, port)
    return function(tree, value, facts)
        local text = tostring(value(0, 4):ipv4()) .. ":" .. value(4, 2):uint()
        local inside = tree:add(value, name .. ": " .. text)
        inside:add(ip, value(0, 4))
        inside:add(port, value(4, 2))
        facts[name] = text
    end
end

local function text(field, key)
    return function(tree, value, facts)
        tree:add(field, value)
        if key then
            facts[key] = value:string(ENC_UTF_8)
        end
    end
end

local function number(field, key)
    return function(tree, value, facts)
        tree:add(field, value)
        if key then
            facts[key] = value:uint()
        end
    end
end

local failure_items = {
    [16] = number(f.thread_id),
    [17] = number(f.socket),
    [18] = function(tree, value)
        local family, kind, protocol = value(0, 2):uint(), value(2, 2):uint(), value(4, 2):uint()
        local inside = tree:add(value, string.format("Socket kind: %s, %s, %s",
                                families[family] or family, types[kind] or kind,
                                protocols[protocol] or protocol))
        inside:add(f.family, value(0, 2))
        inside:add(f.type, value(2, 2))
        inside:add(f.protocol, value(4, 2))
    end,
    [19] = endpoint("Local", f.local_ip, f.local_port),
    [20] = endpoint("Remote", f.remote_ip, f.remote_port),
    [21] = text(f.node, "node"),
    [22] = text(f.service),
    [23] = function(tree, value) add_time(tree, f.duration, value) end,
    [24] = number(f.bytes),
    [25] = number(f.repeats, "repeats"),
    [26] = function(tree, value) add_time(tree, f.first_time, value) end,
    [27] = text(f.message),
    [28] = text(f.source),
    [29] = function(tree, value)
        local inside = tree:add(value, "Trace context")
        inside:add(f.trace_id, value(0, 16))
        inside:add(f.span_id, value(16, 8))
        inside:add(f.trace_flags, value(24, 1))
    end,
}

local function read_items(tree, tvb, offset, readers, facts)
    while offset + 4 <= tvb:len() do
        local kind, length = tvb(offset, 2):uint(), tvb(offset + 2, 2):uint()
        local reader = readers[kind]
        if reader and length > 0 then
            reader(tree, tvb(offset + 4, length), facts)
        elseif length > 0 then
            local inside = tree:add(tvb(offset, 4 + length), "Unknown item " .. kind)
            inside:add(f.item_type, tvb(offset, 2))
            inside:add(f.item_length, tvb(offset + 2, 2))
            inside:add(f.item_value, tvb(offset + 4, length))
        end
        offset = offset + 4 + length
    end
end

local function read_failure(tree, value, facts)
    local code, operation = value(8, 4):uint(), value(14, 2):uint()
    local top = tree:add(f.failure, value)
    local entry = errors[code]
    local name = entry and entry[1] or "Unknown"
    local call = operations[operation] or ("operation " .. operation)

    top:add(f.code, value(8, 4))
    top:add(f.space, value(12, 1))
    if entry then
        top:add(f.error, value(8, 4))
        top:add(f.name, value(8, 4), name):set_generated()
        top:add(f.description, value(8, 4), entry[2]):set_generated()
        top:add(f.advice, value(8, 4), entry[4]):set_generated()
        top:add(f.category, value(8, 4), entry[3]):set_generated()
    end
    top:add(f.operation, value(14, 2))
    local time = add_time(top, f.time, value(0, 8))
    top:add(f.age, value(0, 8), nstime(facts.sent - time)):set_generated()
    read_items(top, value(16):tvb(), 0, failure_items, facts)

    local summary = string.format("%s (%u) %s %s → %s: %s", name, code, call, facts.Local or "",
                                  facts.Remote or "", entry and entry[2] or "")
    top:append_text(": " .. summary)
    top:add_proto_expert_info(failed, name .. " in " .. call)
    facts.short = name .. " in " .. call
    facts.summaries[#facts.summaries + 1] = summary
end

local datagram_items = {
    [1] = text(f.host, "host"),
    [2] = text(f.process_name, "process"),
    [3] = number(f.process_id, "pid"),
    [4] = read_failure,
    [5] = text(f.library),
    [6] = number(f.platform),
}

function winsock.dissector(tvb, pinfo, root)
    if tvb:len() < 28 or tvb(0, 4):uint() ~= 0x57534654 then
        return 0
    end
    local facts = {sent = tvb(20, 8):uint64(), summaries = {}}
    local tree = root:add(winsock, tvb())

    pinfo.cols.protocol = "Winsock"
    tree:add(f.magic, tvb(0, 4))
    tree:add(f.version, tvb(4, 1))
    tree:add(f.header_length, tvb(5, 1))
    local flags = tree:add(f.flags, tvb(6, 2))
    flags:add(f.test, tvb(6, 2))
    tree:add(f.sender, tvb(8, 4))
    tree:add(f.seq, tvb(12, 4))
    tree:add(f.dropped, tvb(16, 4))
    add_time(tree, f.sent_time, tvb(20, 8))
    local seconds, rest = math.modf(pinfo.abs_ts)
    tree:add(f.clock_offset, tvb(20, 8), NSTime.new(seconds, math.floor(rest * 1e9))
             - nstime(facts.sent)):set_generated()
    read_items(tree, tvb(tvb(5, 1):uint()):tvb(), 0, datagram_items, facts)
    tree:add(f.count, tvb(0, 0), UInt64(#facts.summaries)):set_generated()
    tree:append_text(string.format(", %s (%s) on %s: %s", facts.process or "", facts.pid or "",
                                   facts.host or "", facts.short or "No failure"))
    pinfo.cols.info = table.concat(facts.summaries, " | ")
    return tvb:len()
end

DissectorTable.get("udp.port"):add(10054, winsock)
