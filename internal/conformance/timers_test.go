//go:build linux

package conformance

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
	"github.com/cgnkit/cgnkit/nat44"
)

// The remaining life of a flow is read from conntrack: what RFCs ask of idle flows is far longer than a test may take.

func timerProbes() map[string]probe {
	return map[string]probe{
		"4787-5":   shows(with(roomy), udpTimers),
		"4787-5b":  shows(with(roomy), timersAreFixed),
		"4787-5c":  shows(with(roomy), udpTimers),
		"4787-6":   shows(with(roomy), refresh),
		"4787-6a":  shows(with(roomy), refresh),
		"5382-5":   shows(with(roomy), tcpTimers),
		"5382-5a":  shows(with(roomy), timersAreFixed),
		"5508-2":   shows(with(roomy), queryTimer),
		"5508-2a":  shows(with(roomy), queryTimer),
		"7857-2.1": shows(with(roomy), tcpTimers),
		"7857-2.2": shows(with(roomy), reset),
		"7857-2":   shows(with(roomy), dataAfterReset),
	}
}

func udpTimers(t *testing.T, b *bench) {
	server := b.echo(t, 0, "udp", 7000).Addr()
	// Before an answer and after it.
	arrived := watch(t, b.Servers[1].NS, udpFrom(b.share(t, 0).Outside))
	send(t, b.Subscribers[0], datagram(b.from(0, 40000), netip.AddrPortFrom(b.Servers[1].Addr, 9), "no answer"))
	arrived.await(t, 1)
	b.ask(t, 0, "udp", 40001, server)
	b.ask(t, 0, "udp", 40001, server)
	all := b.remembered(t, "udp")
	if len(all) != 2 || all[0].unreplied == all[1].unreplied {
		t.Fatalf("want one flow with an answer and one without: %+v", all)
	}
	for _, r := range all {
		r.lasts(t, 300)
	}
}

// refresh shows that packets prolong the mapping, in both directions.
func refresh(t *testing.T, b *bench) {
	server := b.echo(t, 0, "udp", 7000).Addr()
	flow, seen := b.dial(t, 0, "udp", 40000, server)
	b.age(t, "udp", 50)
	b.theOne(t, "udp").lasts(t, 50)
	arrived := watch(t, b.Subscribers[0].NS, udpFrom(server.Addr()))
	send(t, b.Servers[0], datagram(server, seen, "from outside"))
	arrived.await(t, 1)
	b.theOne(t, "udp").lasts(t, 300)

	b.age(t, "udp", 50)
	out := watch(t, b.Servers[0].NS, udpFrom(seen.Addr()))
	// The server has no way back now, so that no answer can be what refreshes.
	if err := b.Servers[0].AddRoute(netns.Route{To: netip.PrefixFrom(seen.Addr(), 32), Blackhole: true}); err != nil {
		t.Fatal(err)
	}
	send(t, b.Subscribers[0], datagram(flow.Local(), server, "from inside"))
	out.await(t, 1)
	b.theOne(t, "udp").lasts(t, 300)
}

// timersAreFixed shows that a ruleset has the timers of the RFCs and no others: nothing in a plan changes them.
func timersAreFixed(t *testing.T, b *bench) {
	instance, err := nat44.ParseInstance("")
	if err != nil {
		t.Fatal(err)
	}
	rs, err := nat44.NewRuleset(b.plan, instance)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"policy = { unreplied : 300, replied : 300 }",
		"policy = { syn_sent : 240, syn_recv : 240, established : 7440, fin_wait : 7440, close_wait : 7440, last_ack : 240,",
	} {
		if strings.Count(rs.String(), line) != 1 {
			t.Errorf("the ruleset does not say %q", line)
		}
	}
}

// queryTimer shows that identifiers last for as long as a sysctl says, and that Apply tells if that is too short: there are
// timeout policies for ICMP in the kernel, and nft has no way to make one.
func queryTimer(t *testing.T, b *bench) {
	const name = "net.netfilter.nf_conntrack_icmp_timeout"
	ping := func(id uint16) {
		if err := b.Subscribers[0].Ping(netns.Ping{To: b.Servers[0].Addr, ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	warned := func() bool { return strings.Contains(strings.Join(b.report.Warnings, "\n"), name+"=60") }
	ping(2000)
	b.theOne(t, "icmp").lasts(t, 30)
	if !warned() {
		t.Errorf("apply does not warn that 30 s are too short, only: %q", b.report.Warnings)
	}
	netnstest.Run(t, b.CGN, "conntrack", "-D", "-p", "icmp")
	for _, s := range []struct {
		value   string
		seconds int
	}{{"60", 60}, {"90", 90}} {
		if err := b.CGN.SetSysctl(name, s.value); err != nil {
			t.Fatal(err)
		}
		b.apply(t, b.plan)
		if warned() {
			t.Errorf("apply warns of %s s: %q", s.value, b.report.Warnings)
		}
		ping(2000)
		b.theOne(t, "icmp").lasts(t, s.seconds)
	}
}
