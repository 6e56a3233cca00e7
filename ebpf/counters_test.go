//go:build linux

package ebpf

import (
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// The names are those of the enum, in kebab case.
func TestVerdictNames(t *testing.T) {
	spec, err := bpf.LoadCgnat()
	if err != nil {
		t.Fatal(err)
	}
	var enum *btf.Enum
	if err := spec.Types.TypeByName("cgn_verdict", &enum); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, v := range enum.Values {
		if v.Value >= uint64(bpf.CgnatCgnVerdictCGN_VERDICTS) {
			continue
		}
		seen++
		want := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(v.Name, "CGN_")), "_", "-")
		if got := Verdict(v.Value).String(); got != want {
			t.Errorf("%s is %q, want %q", v.Name, got, want)
		}
		kind := Verdict(v.Value).Kind().String()
		if prefix, _, found := strings.Cut(want, "-"); found && prefix != kind {
			t.Errorf("%s is of kind %s", want, kind)
		}
	}
	if seen != len(verdictNames) {
		t.Errorf("%d verdicts have %d names", seen, len(verdictNames))
	}
	if got := Verdict(1000).String() + Kind(0).String(); got != "Verdict(1000)Kind(0)" {
		t.Errorf("unknown ones are %s", got)
	}
}

// Packets are counted, and the counters survive another plan.
func TestCounters(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	count := func(name string) Counter {
		t.Helper()
		all, err := s.d.Counters()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			if c.Verdict.String() == name {
				return c
			}
		}
		t.Fatalf("no counter %s", name)
		return Counter{}
	}
	flow, _ := s.flow(0, s.echo().Addr())
	out, back := count("outbound"), count("inbound")
	if out.Packets == 0 || back.Packets == 0 || out.Bytes < out.Packets*42 {
		t.Errorf("outbound %+v, inbound %+v", out, back)
	}
	made := must(s.d.Tallies())
	if made.UDP == 0 {
		t.Errorf("tallies %+v", made)
	}
	s.apply(Config{Plan: mustPlan(t, movedPool)})
	if _, err := flow.Ask(); err != nil {
		t.Fatal(err)
	}
	if again := must(s.d.Tallies()); again != made {
		t.Errorf("tallies %+v, under another plan %+v", made, again)
	}
	if after := count("outbound"); after.Packets != out.Packets+1 {
		t.Errorf("outbound %+v, after another packet under another plan %+v", out, after)
	}
}
