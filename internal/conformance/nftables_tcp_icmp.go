package conformance

func nftables5382() map[string]Result {
	return map[string]Result{
		"5382-1":  {Partly, "as 4787-1"},
		"5382-2":  {Yes, "shown: either side closes first, with data in the other direction after that"},
		"5382-2a": {Yes, ""},
		"5382-3":  {No, noEIF},
		"5382-3a": {No, noEIF},
		"5382-3b": {Exempt, "there is nothing to choose"},
		"5382-4":  {Yes, "there is no answer at all, so no ICMP after the 6 s either (SHOULD); the test waits for 1 s"},
		"5382-4a": {Yes, "always silent; the test waits for 1 s"},
		"5382-5":  {Yes, "7440 s and 240 s; also 7440 s when one side has closed, and while something, data or a FIN, is not acknowledged"},
		"5382-5a": {No, fixedTimes},
		"5382-6":  {Yes, "FTP's is off as well"},
		"5382-7":  {Partly, "as 4787-3"},
		"5382-8":  {No, noHairpins},
		"5382-8a": {No, noHairpins},
		"5382-9":  {Yes, "fragmentation needed among them, so path MTU discovery works"},
		"5382-10": {Yes, ""},
		"5382-u":  {Yes, "chosen: a connection from inside is picked up in its middle, none from outside; TIME-WAIT lasts 240 s"},
	}
}

func nftables5508() map[string]Result {
	return map[string]Result{
		"5508-1":   {Yes, ""},
		"5508-1a":  {Partly, "as 4787-1, for identifiers"},
		"5508-2":   {Partly, "30 s by the kernel's default, which nft cannot change for single flows: set the sysctl nf_conntrack_icmp_timeout to 60. apply warns if it is less"},
		"5508-2a":  {Yes, "by that sysctl"},
		"5508-3":   {Yes, ""},
		"5508-3a":  {No, "the kernel does not look at it"},
		"5508-3b":  {Yes, ""},
		"5508-3c":  {Yes, ""},
		"5508-3d":  {Yes, ""},
		"5508-4":   {Yes, ""},
		"5508-4a":  {Yes, ""},
		"5508-5":   {Yes, ""},
		"5508-5a":  {Yes, ""},
		"5508-5c":  {Yes, "always the outside address of the subscriber"},
		"5508-6":   {Yes, ""},
		"5508-7":   {No, noHairpins},
		"5508-7a":  {No, noHairpins},
		"5508-7.1": {Yes, "in both directions"},
		"5508-8":   {No, "dropped without a word"},
		"5508-9":   {Exempt, "not offered"},
		"5508-10a": {Yes, "traceroute works in both directions"},
		"5508-10b": {Partly, "timestamp, address mask and parameter problem pass; redirect and router advertisement, which are about links, do not"},
		"5508-10c": {No, "the kernel translates them like others"},
		"5508-10d": {Yes, ""},
		"5508-10e": {Yes, ""},
		"5508-10f": {Yes, "icmp_ratelimit"},
		"5508-11":  {Yes, "types that nobody has defined are dropped"},
	}
}
