package conformance

func xdp7857() map[string]Result {
	return map[string]Result{
		"7857-2":   {Yes, ""},
		"7857-2.1": {Yes, ""},
		"7857-2.2": {Yes, "the window is not looked at: any RST of the connection, from either side, leads to 240 s from then, and the next packet back"},
		"7857-3":   {Exempt, "not taken"},
		"7857-4":   {Yes, ""},
		"7857-5":   {Yes, ""},
		"7857-6":   {Yes, ""},
		"7857-7":   {Yes, "nor do those that it takes"},
		"7857-7.1": {Yes, "the first RST begins the 240 s of a connection, and further ones give no more"},
		"7857-8":   {Pending, needsPCP},
		"7857-9":   {Yes, homePort},
		"7857-10":  {Yes, "where packets may be fragmented; numbers are those of one of 4,096 counters, which a keyed hash of both addresses and the protocol chooses: within two addresses and a protocol a number comes again after 65,536 such packets of all who share the counter"},
		"7857-11":  {Exempt, "mapping and session are one"},
		"7857-12":  {Yes, ""},
	}
}

func xdpSharing() map[string]Result {
	return map[string]Result{
		"6056-1":  {Partly, "all of 1024-65535 is given out by default, a share of it to each subscriber"},
		"6056-2":  {Yes, homePort + ". An algorithm of its own: of the five, those that use a hash take the destination into it, which a mapping that is endpoint-independent cannot"},
		"6056-3":  {Yes, "ports are found by their place in the share, so holes do not matter"},
		"6056-4":  {Yes, "keys of plans and of the datapath have 128 bits"},
		"6056-5":  {Yes, "no port is preserved"},
		"6056-6":  {Exempt, "contiguous ports are not offered"},
		"6302-1":  {Pending, "a page about the settings of common servers is to be written"},
		"6302-2":  {Yes, askLedger},
		"6269-1":  {Pending, "a page is to be written"},
		"6269-2":  {Yes, "by shares, and by limits; see 6888-4"},
		"6598-1":  {Yes, "a plan may have all of it as inside addresses"},
		"6598-2":  {Yes, "routes say on which side an address is: what leads by an outside interface is translated, though a subscriber has the same address"},
		"6598-3":  {Yes, "nothing leaves untranslated with a source of the shared space, whatever it is, but to hosts that the plan does not translate. Which such destinations are outside, routes say: without one for 100.64.0.0/10 the default route"},
		"6598-3a": {Yes, "those from and to inside addresses of the plan, but for hosts that it does not translate, and those from all other addresses of the shared space unless a route says that they are outside; the plan has inside addresses of it"},
		"6598-4":  {Exempt, "the operator's DNS"},
		"7768-1":  {Pending, needsBlock},
		"7768-2":  {Pending, needsBlock},
		"7768-3":  {Pending, needsBlock},
		"7768-4":  {Pending, needsBlock},
		"7768-5":  {Pending, needsBlock},
	}
}

func xdp7422() map[string]Result {
	return map[string]Result{
		"7422-1":  {Yes, "cgnctl lookup and cgnctl trace"},
		"7422-2":  {Yes, "0-1023 unless the plan says otherwise, and what it lists"},
		"7422-3":  {Yes, "there is nothing else to use until there are dynamic blocks"},
		"7422-4":  {Yes, homePort},
		"7422-5":  {Pending, needsPCP},
		"7422-6":  {Yes, "the plan answers for every port"},
		"7422-7":  {Pending, needsBlock},
		"7422-8":  {Pending, needsBlock},
		"7422-9":  {Yes, ""},
		"7422-10": {Yes, inLedger},
		"7422-11": {Yes, alarms},
		"7422-12": {Yes, ""},
		"7422-13": {Exempt, "how to build clusters is up to the operator; one plan on both machines is enough"},
	}
}
