// Package rulefile reads what operators run today (nftables, iptables, RouterOS, VyOS, CSV) as a table of shares, and finds
// the plan that the table follows.
//
// It is for moving to a plan without moving a subscriber. [Parse] reads a file and returns a [Table]: which inside address
// has which outside address and ports. [Infer] returns the [alloc.Spec] whose plan gives exactly that, and proves it by
// comparing every share. A table whose rules follow no rule of thumb is still a plan: of scheme explicit.
//
// # How rules are read
//
// Chains are walked as the kernel walks them: the first rule that matches wins, jumps come back and gotos do not, and what no
// packet can reach is a [Finding]. A rule that depends on more than source address and protocol (an interface, a destination)
// counts as if it always matched, and a Finding says so; where two such rules give one subscriber different shares, Parse
// refuses the file and names both lines.
//
// Nothing that decides about sources is skipped silently: what cannot be read exactly in a chain that a packet can enter is a
// [LineError], whether it translates or lets packets pass. Chains of filters and of other hooks are not judged.
//
// # Limits
//
// A file may have 1 GiB, a line or a word of nftables 1 MiB and 4 KiB, a table 2^24 shares. Files that a file includes are not
// read, and scripts are not run. Memory is some 50 bytes a rule and 60 bytes a share.
package rulefile
