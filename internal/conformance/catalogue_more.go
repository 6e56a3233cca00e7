package conformance

func rfc7857() []Requirement {
	return []Requirement{
		{"7857-2", "section 2", Should, "connections follow the state machine of RFC 6146: a RST leads to a transitory state, data leads back"},
		{"7857-2.1", "section 2.1", Should, "the times for opening and for closing are configured apart; 240 s by default"},
		{"7857-2.2", "section 2.2", Must, "a RST is translated; the session stays for 240 s (SHOULD)"},
		{"7857-3", "section 3", May, "one outside port serves several inside endpoints, only if their destinations differ"},
		{"7857-4", "section 4", Should, "when the paired address has no ports left, new sessions are dropped"},
		{"7857-5", "section 5", Must, "by default mappings of different protocols are independent"},
		{"7857-6", "section 6", Must, "by default endpoint-independent filtering is per protocol"},
		{"7857-7", "section 7", ShouldNot, "packets from outside that filtering refuses refresh the mapping"},
		{"7857-7.1", "section 7.1", ShouldNot, "ICMP errors and RST that answer a packet from outside refresh the mapping"},
		{"7857-8", "section 8", Should, "parity may be left; then there is a way to ask for it"},
		{"7857-9", "section 9", Should, "ports are randomised as RFC 6056 section 4 says"},
		{"7857-10", "section 10", Should, "the IPv4 identification of translated packets is made anew (RFC 6864)"},
		{"7857-11", "section 11", May, "an ICMP query mapping ends with its last session"},
		{"7857-12", "section 12", Must, "outside endpoints are found for hairpinned ICMP errors"},
	}
}

func sharing() []Requirement {
	return []Requirement{
		{"6056-1", "section 3.2", Should, "ports come from the widest range, all of 1024-65535"},
		{"6056-2", "section 3.3", Should, "their choice is obfuscated, by one of five algorithms"},
		{"6056-3", "section 3.3.1", MustNot, "algorithm 1 (random start, then the next free one) is used where many ports are excluded"},
		{"6056-4", "section 3.4", None, "secret keys have 128 bits or more"},
		{"6056-5", "section 4", Should, "a NAT that does not preserve ports obfuscates them; one that does, when it cannot"},
		{"6056-6", "section 4", None, "contiguous ports want algorithm 3 or 4"},
		{"6302-1", "section 2", Should, "servers log source port, time and protocol"},
		{"6302-2", "section 2", None, "a reverse lookup takes address, port, protocol and time, and says where that is ambiguous"},
		{"6269-1", "sections 5-26", None, "the issues of address sharing are documented"},
		{"6269-2", "section 13", None, "ports per subscriber are limited, against worms and for the neighbours"},
		{"6598-1", "section 7", None, "100.64.0.0/10 is the shared address space"},
		{"6598-2", "section 4", Must, "translation works where the same part of the shared space is on two interfaces"},
		{"6598-3", "section 4", MustNot, "packets from the shared space leave the provider's network"},
		{"6598-3a", "section 4", Should, "such packets that arrive from outside are dropped"},
		{"6598-4", "section 4", MustNot, "names for the shared space are in the public DNS"},
		{"7768-1", "section 2", None, "ports are allocated and logged in blocks"},
		{"7768-2", "section 3", None, "a block is released only after a guard time"},
		{"7768-3", "section 3", None, "the block that is idle longest is used last"},
		{"7768-4", "section 5", None, "the choice among idle blocks is random"},
		{"7768-5", "section 5", None, "so is that of ports in a block"},
	}
}

func rfc7422() []Requirement {
	return []Requirement{
		{"7422-1", "section 2", Should, "the administrator can try the algorithm in both directions"},
		{"7422-2", "section 2", Should, "reserved ports are taken out first, system ports at least"},
		{"7422-3", "section 2", Must, "a subscriber uses its own share as long as that has ports"},
		{"7422-4", "section 2", Should, "ports are picked at random within the share"},
		{"7422-5", "section 2", Must, "mappings by PCP use the share first"},
		{"7422-6", "section 2", May, "nothing is logged for shares"},
		{"7422-7", "section 2", Must, "overflow comes in blocks from the dynamic pool, up to M ports, and is logged"},
		{"7422-8", "section 2", Should, "dynamic ports are managed like other dynamic ports (RFC 7768)"},
		{"7422-9", "section 2", None, "without dynamic shares (D = 0) there is no overflow"},
		{"7422-10", "section 3", Must, "every change of the parameters is recorded with its time"},
		{"7422-11", "section 4", Should, "alarms at thresholds of utilisation"},
		{"7422-12", "section 2", May, "the share serves for ICMP identifiers"},
		{"7422-13", "section 5", None, "failover needs no further log where inside ranges are unique"},
	}
}
