package conformance

func nftables7857() map[string]Result {
	return map[string]Result{
		"7857-2":   {Partly, "a RST leads to 240 s; data after it passes and refreshes the 240 s, but does not lead back"},
		"7857-2.1": {Partly, "240 s for each; " + fixedTimes},
		"7857-2.2": {Yes, "a RST outside of the window does not end the session"},
		"7857-3":   {Yes, "only within a share; see 4787-3"},
		"7857-4":   {Yes, ""},
		"7857-5":   {Yes, ""},
		"7857-6":   {Exempt, "filtering is not endpoint-independent"},
		"7857-7":   {Yes, ""},
		"7857-7.1": {Partly, "an ICMP error does not; a RST starts the 240 s anew each time"},
		"7857-8":   {Pending, needsPCP},
		"7857-9":   {Partly, kept},
		"7857-10":  {No, "it is copied, so packets of different subscribers can have the same"},
		"7857-11":  {Exempt, "mapping and session are one"},
		"7857-12":  {No, noHairpins},
	}
}

func nftablesSharing() map[string]Result {
	return map[string]Result{
		"6056-1":  {Partly, "all of 1024-65535 is given out by default, a share of it to each subscriber"},
		"6056-2":  {Partly, kept + ". Algorithm 1, with a limited search"},
		"6056-3":  {Yes, "a share with holes is used range by range: a hash of the inside endpoint picks one, and algorithm 1 works in that"},
		"6056-4":  {Yes, "scheme random takes keys of 128 bits and no others; the kernel needs none"},
		"6056-5":  {Yes, kept},
		"6056-6":  {Exempt, "contiguous ports are not offered"},
		"6302-1":  {Pending, "a page about the settings of common servers is to be written"},
		"6302-2":  {Yes, askLedger},
		"6269-1":  {Pending, "a page is to be written"},
		"6269-2":  {Yes, "by shares; see 6888-4"},
		"6598-1":  {Yes, "a plan may have all of it as inside addresses"},
		"6598-2":  {Partly, "works if outside has other addresses of it than the plan; what subscribers send to an outside host with a subscriber's address is not translated. Give such an outside a network namespace of its own"},
		"6598-3":  {Partly, "nothing of a subscriber leaves untranslated, whatever it is. Inside addresses that the plan does not have are not looked after: drop them on the outside link"},
		"6598-3a": {No, "an outside host with a route to inside addresses can send to subscribers directly, with any source. rp_filter = 1 on the outside link keeps out sources that are inside; filter the rest there"},
		"6598-4":  {Exempt, "the operator's DNS"},
		"7768-1":  {Pending, needsBlock},
		"7768-2":  {Pending, needsBlock},
		"7768-3":  {Pending, needsBlock},
		"7768-4":  {Pending, needsBlock},
		"7768-5":  {Pending, needsBlock},
	}
}

func nftables7422() map[string]Result {
	return map[string]Result{
		"7422-1":  {Yes, "cgnctl lookup and cgnctl trace"},
		"7422-2":  {Yes, "0-1023 unless the plan says otherwise, and what it lists"},
		"7422-3":  {Yes, "there is nothing else to use until there are dynamic blocks"},
		"7422-4":  {Partly, kept},
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
