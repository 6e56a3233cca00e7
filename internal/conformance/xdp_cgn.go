package conformance

// Reasons that several requirements have.
const (
	tickTimes = "Policy has the times, by pool; they are rounded up to a quarter of a second"
	oneFilter = "endpoint-independent by default, address-dependent or address- and port-dependent by pool"
	homePort  = "a keyed hash (SipHash) of the inside endpoint says where in the share the search begins"
)

func xdp6888() map[string]Result {
	return map[string]Result{
		"6888-1a":  {Yes, ""},
		"6888-1b":  {Yes, ""},
		"6888-1c":  {Yes, ""},
		"6888-1d":  {Yes, "subscribers with an address of their own (1:1, or the only one that a list has on it) have protocols without ports; those of all others are not forwarded"},
		"6888-2":   {Yes, ""},
		"6888-2x":  {Exempt, "not offered"},
		"6888-3":   {Yes, "in the order in which it is written"},
		"6888-4":   {Yes, "mappings of each protocol, exactly; by default as many as the share has ports"},
		"6888-4a":  {Yes, "by pool, at any time: mappings that there are stay"},
		"6888-4b":  {Yes, ""},
		"6888-4c":  {Yes, "new mappings a second, and how many at once; any number by default"},
		"6888-5":   {Yes, "a mapping is 16 bytes that are there from the start, however many sessions it has; where a pool filters, 320 peers of a subscriber are kept beside one of each mapping, or as many as the policy says, and one more is refused"},
		"6888-5a":  {Yes, "mappings by protocol, while they live; peers where a pool filters, and those that are kept stay; sessions have no state of their own"},
		"6888-5b":  {Yes, "as 6888-4c"},
		"6888-6":   {Yes, "the plan's no-translate list: addresses, or TCP or UDP ports"},
		"6888-7":   {Yes, oneFilter},
		"6888-8":   {Partly, "with Policy.Hold, for all protocols, also where another plan gives the port to another subscriber while its address stays in the plan and in its realm: the mapping ends with the change, and the port waits. By default a port is given again at once, to the same subscriber (8b) and after a change of plan to who has it then"},
		"6888-8a":  {Exempt, "not needed"},
		"6888-8b":  {Yes, "shares belong to one subscriber, also after everything is lost"},
		"6888-8c":  {Exempt, "not needed"},
		"6888-8d":  {Yes, "Policy.Hold and Policy.HoldPorts; beyond the number, the port is given that has waited longest of 256 looked at. By default none waits, as 8b allows"},
		"6888-9":   {Pending, needsPCP},
		"6888-10":  {Partly, metricsOnly},
		"6888-11a": {Yes, "no second outside address is tried either"},
		"6888-11b": {Yes, "at most 64 in a quarter of a second and CPU"},
		"6888-11c": {Yes, "cgnd counts refusals by their kind (cgnkit_exhaustion_events_total), and cgnctl events names who is refused"},
		"6888-11d": {Yes, "nothing makes room for anything"},
		"6888-12":  {Pending, "needs logging; nothing is logged now"},
		"6888-13":  {Yes, "shares fill to the last port before a flow is refused"},
		"6888-14":  {Yes, "shares need no log: the plan answers for every port"},
		"6888-15":  {Yes, homePort},
		"6888-L":   {Pending, "needs logging; nothing is logged now"},
	}
}

func xdp4787() map[string]Result {
	return map[string]Result{
		"4787-1":   {Yes, "also when the share is full"},
		"4787-2":   {Yes, ""},
		"4787-3":   {Yes, ""},
		"4787-3a":  {Partly, "ports below 1024 are reserved and become higher ones; others stay above"},
		"4787-4":   {Partly, "kept while the first choice is free, in shares whose ports are odd and even in turn, not with scheme explicit (RFC 7857 section 8 allows less)"},
		"4787-c":   {Exempt, "nothing is asked"},
		"4787-5":   {Yes, "300 s, answered or not"},
		"4787-5a":  {Exempt, "not offered"},
		"4787-5b":  {Yes, tickTimes},
		"4787-5c":  {Yes, "300 s"},
		"4787-6":   {Yes, ""},
		"4787-6a":  {Exempt, "not taken: they do not, so nobody outside can keep a mapping alive"},
		"4787-7":   {Exempt, "outside addresses are in the plan, which refuses overlaps; see 6598-2"},
		"4787-8":   {Yes, oneFilter},
		"4787-8a":  {Yes, "by pool"},
		"4787-9":   {Yes, "also to themselves"},
		"4787-9a":  {Yes, ""},
		"4787-10":  {Yes, "there are none"},
		"4787-10a": {Exempt, "there are none"},
		"4787-11":  {Yes, "where a pool filters, no peer is forgotten within its time: a subscriber who has as many as are kept of it (6888-5) can send to no others"},
		"4787-12":  {Yes, ""},
		"4787-12a": {Yes, ""},
		"4787-12b": {Yes, ""},
		"4787-13":  {Yes, "in both directions"},
		"4787-13a": {Yes, "in both directions; fragments leave in order"},
		"4787-14":  {Yes, "what comes before the first fragment is held for it, up to 64 fragments of a packet in frames of up to 2,048 octets; between subscribers, too"},
		"4787-14a": {Yes, "whole packets are not touched, nor fragments in order, nor others that come together. Memory is bounded: one that waits for the first one is lost when a flood brings a thousand others that wait"},
	}
}
