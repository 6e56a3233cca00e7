// Package rulefile reads what operators run today (nftables, iptables, RouterOS, VyOS, CSV) as a table of shares, and finds
// the plan that the table follows.
//
// It is for moving to a plan without moving a subscriber. [Parse] reads a file and returns a [Table]: which inside address
// has which outside address and ports. [Infer] returns the [alloc.Spec] whose plan gives exactly that, and proves it by
// comparing every share. A table whose rules follow no rule of thumb is still a plan: of scheme explicit. Where subscribers are missing
// among those of a scheme, [InferFilled] gives them their shares, and says so.
//
// # How rules are read
//
// Chains are walked as the kernel walks them: the first rule that matches wins, jumps come back and gotos do not, and what no
// packet can reach is a [Finding].
//
// Rules depend on circumstances that a plan does not have: an interface, a destination. Each circumstance under which rules give
// shares is walked by itself, with all others untrue and the rules without any in their places. All walks must give the same
// subscribers the same shares, or Parse refuses the file and names two lines. Rules that let packets pass elsewhere, such as
// destinations that are not translated, are Findings where they are for all subscribers; for some of them only, or where a match
// may tell subscribers apart and cannot be read (a set, a mark), the file is refused.
//
// What the shares of a table then depend on is [Table.Conditions]: an interface on all rules alike, a mark, destinations that are let
// through, dropped or masqueraded. Destinations are those that sets, lists and jumps that return come to, so that files in different
// languages can be compared by [CompareConditions], and with the no-translate of a plan. [Read] and [Rules.Table] follow the packets
// alone of which a condition is true: where rules tell realms apart by interface or mark, that gives a table for each.
//
// What was found that way is then proven by another one: every kind of packet, by destination and by what else rules ask, is walked
// by itself, and what becomes of each subscriber must be what shares and conditions say. What a packet meets behind the rule that let it
// pass is part of that, and so are policies and chains of one priority, which the kernel asks in an order that no file tells: all orders
// must come to the same. Where the proof takes too long, a condition says so that is equal to no other.
//
// Nothing that decides about sources is skipped silently: what cannot be read exactly in a chain that a packet can enter is a
// [LineError], whether it translates or lets packets pass. So is a set or a list of sources that changes by itself, by a timeout or
// by rules that fill it. Chains of filters and of other hooks are not judged.
//
// A rule of nftables that stands for several (verdicts by destination, pairs of sources and destinations) is read as those. What a box alone knows, such as
// which addresses are its own (fib daddr type), is a condition that both ways are followed. What nft prints as JSON is read as the commands that make the same.
//
// # Limits
//
// A file may have 1 GiB, a line or a word of nftables 1 MiB and 4 KiB, a table 2^24 shares, of which rules for
// ranges give 2^22 and one rule 2^20. Files that a file includes are not read, and scripts are not run: in a shell script, what may decide whether
// rules hold is a LineError, such as an if, a function, an exit before rules, or a command that is not known. Memory is some 50 bytes a rule and 60 bytes a share.
package rulefile
