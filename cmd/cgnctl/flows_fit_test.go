package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/flowlog"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// A past flow is one that really was, and the record of it.
type pastFlow struct {
	who    alloc.Allocation
	record flowlog.Flow
}

func flowSecond(n int) time.Time { return time.Date(2026, 1, 1, 0, 0, n, 0, time.UTC) }

// flowPlan has subscribers with so many ports each on two addresses, in two realms that have the same inside addresses.
func flowPlan(t *testing.T, ports, dynamic int) *alloc.Plan {
	t.Helper()
	var spec alloc.Spec
	for i, realm := range []string{"east", "west"} {
		inside, err := alloc.ParseAddrRange("100.64.0.0-100.64.0.9")
		if err != nil {
			t.Fatal(err)
		}
		outside, err := alloc.ParseAddrRange(fmt.Sprintf("198.18.%d.0/31", i))
		if err != nil {
			t.Fatal(err)
		}
		spec.Pools = append(spec.Pools, alloc.PoolSpec{
			Name: realm, Realm: realm, Inside: []alloc.AddrRange{inside}, Outside: []alloc.AddrRange{outside}, PortsPerSubscriber: ports, DynamicPorts: dynamic,
		})
	}
	p, err := alloc.NewPlan(spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestFlowsNameNobodyElse plays random flows to one destination while plans change, with records from before and behind the NAT. Who is asked about by a
// flow of his is among the candidates that are left. And whoever is named, whatever was asked, really had a flow by that address in that time.
func TestFlowsNameNobodyElse(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 1))
	plans := []*alloc.Plan{flowPlan(t, 7000, 0), flowPlan(t, 9000, 0), flowPlan(t, 12000, 0), flowPlan(t, 6000, 9000)}
	one, several := 0, 0
	for range 40 {
		led := flowLedger(t, r, plans)
		for range 60 {
			flows := playFlows(t, r, led)
			if len(flows) == 0 {
				continue
			}
			culprit := flows[r.IntN(len(flows))]
			when := culprit.record.From.Add(time.Duration(r.Int64N(int64(culprit.record.To.Sub(culprit.record.From)) + 1)))
			tolerance := time.Duration(r.IntN(8)) * time.Second
			a, _ := askFlows(t, led, flows, ledger.At(culprit.who.Outside(), ledger.Port{}, when, tolerance))
			if !slices.ContainsFunc(a.Candidates, func(c ledger.Candidate) bool { return isCandidate(c, culprit.who.Subscriber()) }) {
				t.Fatalf("%+v is not among %+v", culprit, a.Candidates)
			}
			if a.Verdict == ledger.Several {
				several++
			}
			q := ledger.At(netip.AddrFrom4([4]byte{198, 18, byte(r.IntN(2)), byte(r.IntN(2))}), ledger.Port{}, flowSecond(r.IntN(55)), tolerance)
			a, narrowed := askFlows(t, led, flows, q)
			if !narrowed || a.Verdict != ledger.One {
				continue
			}
			if one++; !slices.ContainsFunc(flows, func(f pastFlow) bool { return f.answers(q, a.Candidates[0]) }) {
				t.Fatalf("%+v: %+v is named, and had no such flow: %+v", q, a.Candidates[0], flows)
			}
		}
	}
	if t.Logf("%d decided, %d open", one, several); one == 0 || several == 0 {
		t.Error("one of the two never came")
	}
}

func isCandidate(c ledger.Candidate, who alloc.Subscriber) bool {
	s, ok := c.Subscriber()
	return ok && s == who
}

// answers reports whether a flow is the candidate's, by the address and in the time of a question.
func (f pastFlow) answers(q ledger.Question, c ledger.Candidate) bool {
	return isCandidate(c, f.who.Subscriber()) && f.who.Outside() == q.Outside && !f.record.From.After(q.To) && !f.record.To.Before(q.From)
}

// flowLedger has some epochs, the changes of which may take a while.
func flowLedger(t *testing.T, r *rand.Rand, plans []*alloc.Plan) *ledger.Ledger {
	t.Helper()
	path := filepath.Join(t.TempDir(), "l")
	w, err := ledger.Edit(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for n, second := 0, 0; n < 4; n++ {
		en := ledger.Entry{Plan: plans[r.IntN(len(plans))], From: flowSecond(second), Now: flowSecond(0)}
		if r.IntN(2) == 0 {
			en.Settled = flowSecond(second + r.IntN(6))
		}
		if _, err := w.Add(en); err != nil {
			t.Fatal(err)
		}
		second += 1 + r.IntN(15)
	}
	led, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { led.Close() })
	return led
}

// playFlows makes flows by plans that may have been in force as long as the flow lived.
func playFlows(t *testing.T, r *rand.Rand, led *ledger.Ledger) (flows []pastFlow) {
	t.Helper()
	form := r.IntN(4)
	for range 1 + r.IntN(3) {
		from := flowSecond(r.IntN(50)).Add(time.Duration(r.IntN(1000)) * time.Millisecond)
		to := from.Add(time.Duration(r.IntN(5000)) * time.Millisecond)
		first, _ := led.Between(from, from)
		e := first[r.IntN(len(first))]
		if last, _ := led.Between(to, to); !slices.ContainsFunc(last, func(x ledger.Epoch) bool { return x.Seq == e.Seq }) {
			continue
		}
		plan, err := led.Plan(e)
		if err != nil {
			t.Fatal(err)
		}
		realm := plan.Realms()[r.IntN(2)]
		source := netip.AddrFrom4([4]byte{100, 64, 0, byte(r.IntN(10))})
		al, err := plan.Lookup(alloc.SubscriberFrom(realm, source))
		if err != nil {
			t.Fatal(err)
		}
		ports := al.Ports()
		port, _ := ports.Port(r.IntN(ports.Len()))
		f := flowlog.Flow{From: from, To: to, Protocol: 6, Source: netip.AddrPortFrom(source, 40000), Destination: netip.MustParseAddrPort("203.0.113.9:443")}
		switch outside := netip.AddrPortFrom(al.Outside(), port); form {
		case 0: // with columns of NAT
			f.Outside = outside
		case 1: // without the port
			f.Outside = netip.AddrPortFrom(al.Outside(), 0)
		case 2: // behind the NAT
			f.Source = outside
		}
		flows = append(flows, pastFlow{al, f})
	}
	return flows
}

// askFlows narrows a question by the records of flows, unless the ledger alone decides it.
func askFlows(t *testing.T, led *ledger.Ledger, flows []pastFlow, q ledger.Question) (a ledger.Answer, narrowed bool) {
	t.Helper()
	a, err := led.Trace(q)
	if err != nil {
		t.Fatal(err)
	}
	n := &narrowing{question: q, fitting: newFitting(led, q, a.Candidates)}
	n.where.Destination = netip.MustParseAddrPort("203.0.113.9:443")
	for _, p := range flows {
		n.found.add(p.record)
	}
	if a.Verdict != ledger.Several {
		return a, false
	}
	if a, err = n.apply(&env{stdout: io.Discard, stderr: io.Discard}, a); err != nil {
		t.Fatal(err)
	}
	return a, true
}
