//go:build linux

package nat44

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/google/nftables"
)

// FlowsPerSubscriber is how many flows at once are expected of a subscriber when nobody says better: an average over all
// subscribers in the busy hour, most of whom are idle.
const FlowsPerSubscriber = 64

// flowBytes is about what the kernel keeps for a flow: the entry with its extensions, and two hash links.
const flowBytes = 384

// A box reads the settings of the host (of its network namespace, where they are per namespace). It never writes them.
type box struct{ files map[string]*os.File }

// What a box looks at, under /proc/sys/net.
const (
	ipForward     = "ipv4/ip_forward"
	conntrackMax  = "netfilter/nf_conntrack_max"
	conntrackHash = "netfilter/nf_conntrack_buckets"
	icmpTimeout   = "netfilter/nf_conntrack_icmp_timeout"
)

// openBox opens the settings of the calling thread's network namespace: an open file stays with its namespace, whichever thread
// reads it later. Files that do not exist are left out; nf_conntrack may not be loaded yet.
func openBox() *box {
	b := &box{files: map[string]*os.File{}}
	for _, name := range []string{ipForward, conntrackMax, conntrackHash, icmpTimeout} {
		if f, err := os.Open("/proc/sys/net/" + name); err == nil {
			b.files[name] = f
		}
	}
	return b
}

func (b *box) close() {
	for _, f := range b.files {
		f.Close()
	}
}

// get returns a setting; ok is false where the host does not have it.
func (b *box) get(name string) (v uint64, ok bool) {
	f, ok := b.files[name]
	if !ok {
		return 0, false
	}
	buf := make([]byte, 32)
	n, err := f.ReadAt(buf, 0)
	if n == 0 && err != nil {
		return 0, false
	}
	v, err = strconv.ParseUint(strings.TrimSpace(string(buf[:n])), 10, 64)
	return v, err == nil
}

// otherNAT returns a warning for every NAT chain of somebody else that meets new flows before ours, or at the same point.
func (k *Kernel) otherNAT() ([]string, error) {
	chains, err := k.nft.ListChains()
	if err != nil {
		return nil, kernelErr("list chains", err)
	}
	var out []string
	for _, c := range chains {
		family := map[nftables.TableFamily]string{nftables.TableFamilyIPv4: "ip", nftables.TableFamilyINet: "inet"}[c.Table.Family]
		ours := c.Table.Name == DefaultInstance || strings.HasPrefix(c.Table.Name, DefaultInstance+"_")
		if family == "" || ours || c.Type != nftables.ChainTypeNAT || c.Hooknum == nil || *c.Hooknum != *nftables.ChainHookPostrouting ||
			c.Priority == nil || *c.Priority > natPriority {
			continue
		}
		out = append(out, fmt.Sprintf("table %s %s has a NAT chain, too (%s): what it translates first does not follow the plan; exempt the subscribers there",
			family, c.Table.Name, c.Name))
	}
	return out, nil
}

// check returns what the host lacks for a ruleset, as sentences with numbers and with the command that would mend it.
func (b *box) check(rs *Ruleset, flowsPerSubscriber int) []string {
	var out []string
	if v, ok := b.get(ipForward); ok && v == 0 {
		out = append(out, "forwarding is off, so no packet of a subscriber gets anywhere: sysctl -w net.ipv4.ip_forward=1")
	}
	flows := rs.plan.Subscribers() * uint64(flowsPerSubscriber)
	room, known := b.get(conntrackMax)
	switch {
	case !known:
		out = append(out, "conntrack is not loaded yet, so its size could not be compared with the plan; the next apply will")
	case room < flows:
		out = append(out, fmt.Sprintf("conntrack has room for %d flows, and %d subscribers with %d each would be %d (%d MiB of kernel memory): sysctl -w net.netfilter.nf_conntrack_max=%d",
			room, rs.plan.Subscribers(), flowsPerSubscriber, flows, flows*flowBytes>>20, flows))
		if h, ok := b.get(conntrackHash); ok && h < flows/4 {
			out = append(out, fmt.Sprintf("conntrack's hash table has %d buckets, so that many flows would make long chains: sysctl -w net.netfilter.nf_conntrack_buckets=%d", h, flows/4))
		}
	}
	if v, ok := b.get(icmpTimeout); ok && v < 60 {
		out = append(out, fmt.Sprintf("ICMP queries are forgotten after %d s, RFC 5508 REQ-2 asks for 60: sysctl -w net.netfilter.nf_conntrack_icmp_timeout=60", v))
	}
	return out
}
