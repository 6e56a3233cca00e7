package metrics

// Every family has its line here and its use in collector.go; docs/metrics.md is written from this.
var (
	buildInfo    = gauge("cgnkit_build_info", "Release of cgnd. Always 1.", "version", "revision", "goversion")
	instanceInfo = gauge("cgnkit_instance_info", "Instance and backend (nftables or xdp). Always 1.", "name", "backend")
	healthy      = gauge("cgnkit_healthy", "1 if cgnd has applied a plan and there is no problem but warnings, 0 if not.")
	problem      = gauge("cgnkit_problem", "1 if there is the problem, 0 if not; docs/cgnd.md explains the codes, and which are warnings.", "code")
	planInfo     = gauge("cgnkit_plan_info", "Plan in force, by the SHA-256 of its canonical form. Always 1.", "sha256")

	epochInForce  = gauge("cgnkit_epoch", "Sequence number of the epoch whose plan the kernel has. 0 = none.")
	epochDue      = gauge("cgnkit_epoch_due", "Sequence number of the epoch that the ledger has in force by the clock. 0 = none.")
	epochFrom     = gauge("cgnkit_epoch_from_timestamp_seconds", "Instant from which the epoch in force holds.")
	epochNext     = gauge("cgnkit_next_epoch_timestamp_seconds", "Instant from which the next epoch holds. Missing where none is known.")
	ledgerInfo    = gauge("cgnkit_ledger_info", "Head of the ledger: the hash of its last record. Always 1.", "head")
	ledgerRecords = gauge("cgnkit_ledger_records", "Records in the ledger, when it was read last.")
	ledgerOK      = gauge("cgnkit_ledger_readable", "1 if the last reading of the ledger succeeded and every record was proven, 0 if not.")
	ledgerRead    = gauge("cgnkit_ledger_read_timestamp_seconds", "Instant of the last reading of the ledger that succeeded.")

	poolSubscribers = gauge("cgnkit_pool_subscribers", "Subscribers that have a share.", "pool")
	poolCapacity    = gauge("cgnkit_pool_subscribers_limit", "Subscribers that could have a share.", "pool")
	poolAddresses   = gauge("cgnkit_pool_addresses", "Outside addresses.", "pool")
	poolSharing     = gauge("cgnkit_pool_sharing_ratio", "Shares on an outside address; with scheme explicit on the one that has most.", "pool")
	poolOwned       = gauge("cgnkit_pool_owned_ports", "Ports in shares of subscribers, on all addresses together. Each protocol has as many.", "pool")
	poolDynamic     = gauge("cgnkit_pool_dynamic_ports", "Ports set aside for dynamic blocks, on all addresses together. Each protocol has as many.", "pool")
	poolTail        = gauge("cgnkit_pool_tail_ports", "Usable ports that the scheme leaves to nobody, on all addresses together. Each protocol has as many.", "pool")

	usageAge      = gauge("cgnkit_usage_age_seconds", "Time since the last reading of the live state began that succeeded. A scrape reads nothing.")
	usageTook     = gauge("cgnkit_usage_read_seconds", "Time that the last reading of the live state took.")
	usageErrors   = counter("cgnkit_usage_errors_total", "Readings of the live state that failed.")
	poolUsed      = gauge("cgnkit_pool_used_ports", "Ports of shares that some mapping has, by protocol.", "pool", "protocol")
	poolFree      = gauge("cgnkit_pool_free_ports", "Ports of shares that no mapping has, by protocol.", "pool", "protocol")
	poolMappings  = gauge("cgnkit_pool_mappings", "Mappings: inside endpoints that have an outside endpoint. With nftables, those of one subscriber that share an outside port count once.", "pool", "protocol")
	poolSessions  = gauge("cgnkit_pool_sessions", "Sessions: mappings and remote endpoints that talk. nftables only.", "pool", "protocol")
	subscriberUse = histogram("cgnkit_subscriber_used_ports", "Ports that a subscriber uses, of the protocol that it uses most. Who uses none is in bucket 0.", "pool")
	addressUse    = histogram("cgnkit_address_used_ports", "Ports in use on an outside address, of the protocol that is used most. Who uses none is in bucket 0.", "pool")
	topUse        = gauge("cgnkit_top_subscriber_used_ports", "Ports that one of the subscribers uses who use most, of the protocol that it uses most. Only where it is configured: personal data.", "pool", "realm", "subscriber")

	packets     = counter("cgnkit_packets_total", "Packets by result and reason, since the instance is in the kernel. Reasons of xdp are explained in docs/xdp.md; what is passed, slow is counted once more by what became of it behind the driver, so leave it out of sums. nftables only knows dropped, untranslated: what came from subscribers and no rule translated.", "result", "reason")
	packetBytes = counter("cgnkit_packet_bytes_total", "Length of these packets: with Ethernet headers for xdp, without for nftables.", "result", "reason")
	newMappings = counter("cgnkit_new_mappings_total", "Mappings that were made, since the instance is in the kernel; also by port forwards, and from checkpoints. xdp only.", "protocol")
	exhaustion  = counter("cgnkit_exhaustion_events_total", "Times that a subscriber was refused a mapping, at most two a second for each, since the instance is in the kernel: exhausted = no port of its share is free, limit = it has as many as it may, rate = it makes more than it may. xdp only; with nftables see cgnkit_conntrack_losses_total.", "kind")
	lostEvents  = counter("cgnkit_lost_events_total", "Refusals that cgnctl events cannot tell any longer, because they found no room in the buffer, which fills up where nobody reads it, or nobody had read them when another plan took the place of theirs. xdp only.")

	applies     = counter("cgnkit_applies_total", "Times that the plan was brought into the kernel, by result: success or failure.", "result")
	applyTook   = gauge("cgnkit_last_apply_duration_seconds", "Time that the last apply took that succeeded.")
	applyAt     = gauge("cgnkit_last_apply_timestamp_seconds", "Instant at which the last apply ended that succeeded.")
	applyOK     = gauge("cgnkit_last_apply_success", "1 if the last apply succeeded, 0 if not.")
	verifies    = counter("cgnkit_verifies_total", "Comparisons of the kernel with the plan, by result: equal, different, or failure where it could not be compared.", "result")
	verifyTook  = gauge("cgnkit_last_verify_duration_seconds", "Time that the last verify took that could compare.")
	verifyAt    = gauge("cgnkit_last_verify_timestamp_seconds", "Instant at which the last verify ended that could compare.")
	verifyOK    = gauge("cgnkit_last_verify_success", "1 if the last verify found the kernel equal to the plan, 0 if not.")
	verifyDiffs = gauge("cgnkit_last_verify_differences", "Differences that the last verify found.")
	driftNow    = gauge("cgnkit_drift_differences", "Differences from the plan that others have made in the kernel, and that are there now.")
	driftAt     = gauge("cgnkit_last_drift_check_timestamp_seconds", "Instant at which the kernel could be looked at last.")
	drifts      = counter("cgnkit_drifts_total", "Times that drift was noticed.")
	repairs     = counter("cgnkit_drift_repairs_total", "Repairs of drift, by result: success or failure.", "result")
	interfaceUp = gauge("cgnkit_interface_up", "1 if packets on the interface pass and are translated, 0 if not.", "interface", "side")

	conntrackEntries = gauge("cgnkit_conntrack_entries", "Flows in the kernel's table of the network namespace. nftables only, like those below.")
	conntrackLimit   = gauge("cgnkit_conntrack_entries_limit", "Flows that the table has room for.")
	conntrackLost    = counter("cgnkit_conntrack_losses_total", "What conntrack could not keep: dropped = packets without room, and those of insert_failed, early_drop = flows that ended early to make room, insert_failed = packets of flows that could not be entered, of subscribers without a free port above all.", "reason")
	mapEntries       = gauge("cgnkit_bpf_map_entries", "Entries in use of a BPF map: slots = ports of outside addresses that have a mapping, as of the last reading; displaced = mappings that are not at home, with those that have ended until the sweep comes by. xdp only, like those below.", "map")
	mapCapacity      = gauge("cgnkit_bpf_map_entries_limit", "Entries that a BPF map has room for.", "map")
	mapBytes         = gauge("cgnkit_bpf_map_memory_bytes", "Kernel memory of all BPF maps of the instance.")

	alarms           = gauge("cgnkit_alarms", "Alarms that there are now: pools, addresses or subscribers that use more of their ports than the raise threshold.", "level")
	alarmsRaised     = counter("cgnkit_alarms_raised_total", "Alarms that were raised.", "level")
	alarmsCleared    = counter("cgnkit_alarms_cleared_total", "Alarms that were cleared.", "level")
	alarmsSuppressed = counter("cgnkit_alarms_suppressed_total", "Raises that were only counted, because the alarm was there still.", "level")
	alarmsMissed     = counter("cgnkit_alarms_missed_total", "Raises for which there was no room, once for every reading.", "level")

	certificateEnd     = gauge("cgnkit_certificate_end_timestamp_seconds", "Instant at which the certificate ends that the API shows on TCP. Missing without one.")
	apiRequests        = counter("cgnkit_api_requests_total", "Requests of the API by listener (unix or tcp) and status of the answer: 401 = no valid token, 403 = the role does not do, 503 = too many at once, or not possible now.", "listener", "code")
	droppedConnections = counter("cgnkit_dropped_connections_total", "Connections that were closed because they kept others waiting, by listener (unix, tcp or metrics): silent = showed no token, or sent no request, in time, crowded = there were too many, of one host or user first, slow = did not take an answer in time.", "listener", "reason")
)

// sections are all families.
var sections = []section{
	{"What runs", "", []*family{buildInfo, instanceInfo, planInfo, healthy, problem}},
	{"Epochs and ledger", "Missing where cgnd runs on a plan file.", []*family{
		epochInForce, epochDue, epochFrom, epochNext, ledgerInfo, ledgerRecords, ledgerOK, ledgerRead,
	}},
	{"Pools, as planned", "", []*family{
		poolSubscribers, poolCapacity, poolAddresses, poolSharing, poolOwned, poolDynamic, poolTail,
	}},
	{"Pools, as used", "From the last reading of the live state, which runs in the background; missing until the first one.", []*family{
		usageAge, usageTook, usageErrors, poolUsed, poolFree, poolMappings, poolSessions, subscriberUse, addressUse, topUse,
	}},
	{"Packets and refusals", "Counted by the kernel, and read every 15 s or, where that is more often, at the usage-interval.", []*family{packets, packetBytes, newMappings, exhaustion, lostEvents}},
	{"The kernel follows the plan", "", []*family{
		applies, applyTook, applyAt, applyOK, verifies, verifyTook, verifyAt, verifyOK, verifyDiffs, driftNow, driftAt, drifts, repairs, interfaceUp,
	}},
	{"Tables of the kernel", "", []*family{conntrackEntries, conntrackLimit, conntrackLost, mapEntries, mapCapacity, mapBytes}},
	{"Alarms", "", []*family{alarms, alarmsRaised, alarmsCleared, alarmsSuppressed, alarmsMissed}},
	{"The API, and who asks", "", []*family{certificateEnd, apiRequests, droppedConnections}},
}
