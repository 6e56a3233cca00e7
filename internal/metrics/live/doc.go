// Package live reads who uses how many ports from the kernel, for package metrics: NFTables from conntrack, XDP from the accounts of
// subscribers. Both are metrics.Readers for a metrics.Survey.
//
//	                 NFTables                            XDP
//	cost             about 1 µs a flow, all in conntrack  some 50 µs an outside address, whatever passes
//	memory           some 100 bytes a port in use, then gone   none to speak of
//	ports in use     exact                               with those that expired since the last sweep
//	sessions         yes                                 no: the backend has mappings only
//
// Open both in the network namespace of the instance.
package live
