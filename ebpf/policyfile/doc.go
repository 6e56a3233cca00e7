// Package policyfile reads how pools behave under the XDP backend: how long mappings live, how many a subscriber may have and
// make, and who may send to them. A plan says which ports are whose, and nothing of this.
//
//	default:
//	  udp: 5m
//	  limit: {tcp: 1000, udp: 1000, icmp: 100}
//	pools:
//	  business:
//	    filtering: address-dependent
//
// What a pool does not say is what default says, and what that does not say is the default of package ebpf. Unknown keys are
// errors, and so are numbers above ebpf.MaxPorts (limit, hold-down-ports), ebpf.MaxRate (new-per-second) and ebpf.MaxBurst
// (burst) and ebpf.MaxPeers (peers), a burst without new-per-second, times above ebpf.MaxTime, and times that are shorter than what an RFC demands, unless
// shorter-than-rfc, a key beside default and pools, is true.
package policyfile
