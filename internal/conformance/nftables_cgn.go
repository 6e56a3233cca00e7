package conformance

// Reasons that several requirements have.
const (
	noEIF       = "only the endpoint that was sent to can answer (address- and port-dependent)"
	noHairpins  = "nobody can be reached on the outside endpoint of a mapping but by who was sent to, so not by other subscribers either"
	kept        = "random, except that a source port which lies in the share is kept"
	fixedTimes  = "the times are those of the RFCs and part of the ruleset"
	needsPCP    = "needs PCP"
	needsBlock  = "needs dynamic blocks"
	metricsOnly = "cgnd has metrics as Prometheus reads them, and an API over HTTP that OpenAPI describes; neither a MIB (RFC 4008, 7659) nor a YANG module (RFC 8512)"
	inLedger    = "the ledger has every plan with its instant, in a chain that shows what was changed; cgnctl apply --ledger and cgnd record what the kernel has"
	askLedger   = "cgnctl trace --ledger; shares are those of all protocols, so that the protocol makes no difference. Where two may have had the port in the time asked about, both are named"
	alarms      = "cgnd: pools, outside addresses and subscribers, above and below thresholds of the configuration"
)

func nftables6888() map[string]Result {
	return map[string]Result{
		"6888-1a":  {Partly, "MUSTs not met in full: 4787-1, 4787-3, 4787-9, 4787-9a, 4787-11, 4787-14a"},
		"6888-1b":  {Partly, "MUSTs not met in full: 5382-1, 5382-7, 5382-8, 5382-8a"},
		"6888-1c":  {Partly, "MUSTs not met in full: 5508-2, 5508-7, 5508-7a"},
		"6888-1d":  {Partly, "only subscribers with an address of their own (1:1, or the only one that a list has on it) have protocols without ports, GRE and ESP among them; for all others they are dropped. DCCP and UDP-Lite are always dropped"},
		"6888-2":   {Yes, ""},
		"6888-2x":  {Exempt, "not offered"},
		"6888-3":   {Yes, "in the order in which it is written"},
		"6888-4":   {Partly, "the number of ports is exact; each serves again for every further destination, so the number of mappings is limited for each destination only"},
		"6888-4a":  {Yes, "a change of the plan; flows within both shares go on"},
		"6888-4b":  {Partly, "each protocol counts by itself, but the number is the same for all: the size of the share"},
		"6888-4c":  {No, "nothing limits the rate of new mappings; a rate for each subscriber would need a set that every new flow writes to"},
		"6888-5":   {No, "one mapping can have any number of sessions; only conntrack's table as a whole has a limit"},
		"6888-5a":  {No, "there is nothing to configure"},
		"6888-5b":  {No, "nothing limits the rate"},
		"6888-6":   {Yes, "the plan's no-translate list: addresses, or TCP or UDP ports"},
		"6888-7":   {No, noEIF},
		"6888-8":   {No, "a freed port is given again at once, but only to the same subscriber: exceptions 8b and 8c apply"},
		"6888-8a":  {Exempt, "not needed: 8b applies to all protocols"},
		"6888-8b":  {Yes, "shares belong to one subscriber, also after everything is lost"},
		"6888-8c":  {Yes, noEIF},
		"6888-8d":  {Pending, needsBlock + "; shares are exempt (8b)"},
		"6888-9":   {Pending, needsPCP},
		"6888-10":  {Partly, metricsOnly},
		"6888-11a": {Yes, "no second outside address is tried either"},
		"6888-11b": {No, "the kernel drops without a word; counting the flows of a subscriber so as to refuse in time (ct count) takes time linear in them, for every new flow"},
		"6888-11c": {Partly, "cgnd counts flows that could not be entered (cgnkit_conntrack_losses_total), of all subscribers together; who uses up its share raises an alarm (7422-11)"},
		"6888-11d": {Partly, "a share that is used up keeps its flows. If conntrack's table as a whole is full, the kernel deletes flows that have not proven themselves (no answer yet, half-open): size nf_conntrack_max so that this never happens; apply warns if it is small"},
		"6888-12":  {Pending, "needs logging; nothing is logged now"},
		"6888-13":  {Partly, "shares of up to 128 ports fill to the last; in larger ones the kernel gives up its search when more than nine tenths are used towards a destination"},
		"6888-14":  {Yes, "shares need no log: the plan answers for every port"},
		"6888-15":  {Partly, kept},
		"6888-L":   {Pending, "needs logging; nothing is logged now"},
	}
}

func nftables4787() map[string]Result {
	return map[string]Result{
		"4787-1":   {Partly, "an outside port that another inside endpoint of the same subscriber already uses towards the new destination cannot be kept"},
		"4787-2":   {Yes, ""},
		"4787-3":   {Partly, "never between subscribers; within a share, ports serve several endpoints if their destinations differ"},
		"4787-3a":  {Partly, "ports below 1024 are reserved and become higher ones; others stay above"},
		"4787-4":   {Partly, "a port of the share is kept, the parity of others is not (RFC 7857 section 8 allows that)"},
		"4787-c":   {Exempt, "nothing is asked"},
		"4787-5":   {Yes, "300 s, answered or not"},
		"4787-5a":  {Exempt, "not offered"},
		"4787-5b":  {No, fixedTimes},
		"4787-5c":  {Yes, "300 s"},
		"4787-6":   {Yes, ""},
		"4787-6a":  {Yes, "cannot be switched off"},
		"4787-7":   {Exempt, "outside addresses are in the plan, which refuses overlaps; see 6598-2"},
		"4787-8":   {No, noEIF},
		"4787-8a":  {No, noEIF},
		"4787-9":   {No, noHairpins},
		"4787-9a":  {No, noHairpins},
		"4787-10":  {Yes, "no conntrack helper is assigned to a flow"},
		"4787-10a": {Exempt, "there are none"},
		"4787-11":  {No, "what else the subscriber does decides whether an outside port is kept for a further destination: see 4787-1"},
		"4787-12":  {Yes, ""},
		"4787-12a": {Yes, ""},
		"4787-12b": {Yes, ""},
		"4787-13":  {Yes, "in both directions"},
		"4787-13a": {Yes, "fragments leave in order"},
		"4787-14":  {Yes, "conntrack puts them together first"},
		"4787-14a": {Partly, "whole packets are not touched; while incomplete datagrams fill the memory for fragments (ipfrag_high_thresh), other fragments are lost, until the former time out (ipfrag_time)"},
	}
}
