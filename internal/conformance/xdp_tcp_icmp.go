package conformance

func xdp5382() map[string]Result {
	return map[string]Result{
		"5382-1":  {Yes, "also when the share is full"},
		"5382-2":  {Yes, "shown: either side closes first, with data in the other direction after that; transfers from inside and from outside"},
		"5382-2a": {Yes, ""},
		"5382-3":  {Yes, oneFilter},
		"5382-3a": {Yes, "by pool"},
		"5382-3b": {Exempt, "not offered: one choice for all protocols of a pool"},
		"5382-4":  {Yes, "without a mapping there is no answer at all, so no ICMP after the 6 s either (SHOULD); the test waits for half a second"},
		"5382-4a": {Yes, "always silent; the test waits for half a second"},
		"5382-5":  {Yes, "7440 s and 240 s; also 7440 s when one side has closed"},
		"5382-5a": {Yes, tickTimes},
		"5382-6":  {Yes, "there are none"},
		"5382-7":  {Yes, ""},
		"5382-8":  {Yes, "also to themselves"},
		"5382-8a": {Yes, ""},
		"5382-9":  {Yes, "fragmentation needed among them, so path MTU discovery works"},
		"5382-10": {Yes, ""},
		"5382-u":  {Yes, "chosen: a connection from inside is picked up in its middle, none from outside; TIME-WAIT lasts 240 s"},
	}
}

func xdp5508() map[string]Result {
	return map[string]Result{
		"5508-1":   {Yes, ""},
		"5508-1a":  {Yes, ""},
		"5508-2":   {Yes, "60 s"},
		"5508-2a":  {Yes, tickTimes},
		"5508-3":   {Yes, "unless it is a fragment itself"},
		"5508-3a":  {Yes, ""},
		"5508-3b":  {Yes, ""},
		"5508-3c":  {Yes, ""},
		"5508-3d":  {Yes, ""},
		"5508-4":   {Yes, "what counts is the mapping, not to whom it has sent"},
		"5508-4a":  {Yes, ""},
		"5508-5":   {Yes, ""},
		"5508-5a":  {Yes, ""},
		"5508-5c":  {Yes, "always the outside address of the subscriber"},
		"5508-6":   {Yes, ""},
		"5508-7":   {Yes, ""},
		"5508-7a":  {Yes, "to who has an address alone, from everybody; pools that filter ask for a mapping. Behind a shared address, where nothing is asked, a query finds who uses its identifier there"},
		"5508-7.1": {Yes, "in both directions"},
		"5508-8":   {Partly, "answered with 3/1, as RFC 6888 REQ-11B says"},
		"5508-9":   {Exempt, "not offered"},
		"5508-10a": {Yes, "traceroute works in both directions"},
		"5508-10b": {Partly, "timestamp and parameter problem pass; address mask, redirect and router advertisement do not"},
		"5508-10c": {Yes, "they are dropped"},
		"5508-10d": {Yes, ""},
		"5508-10e": {Yes, ""},
		"5508-10f": {Yes, "by kind, CPU and share of senders; what is answered by the host instead, by icmp_ratelimit"},
		"5508-11":  {Yes, "types that nobody has defined are dropped"},
	}
}
