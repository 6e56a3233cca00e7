//go:build linux

package ebpf

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// Values that the entry of C has no room for are refused, and never cut short.
func TestPolicyRanges(t *testing.T) {
	for want, p := range map[string]Policy{
		"Rate is 1000001: want a number from 0, the default, to 1000000": {Rate: MaxRate + 1},
		"Rate is -1":                      {Rate: -1},
		"Burst is 65536":                  {Rate: 1, Burst: MaxBurst + 1},
		"Burst is 5 and there is no Rate": {Burst: 5},
		"Limit.TCP is -1":                 {Limit: Limit{TCP: -1}},
		"Limit.UDP is 65537":              {Limit: Limit{UDP: MaxPorts + 1}},
		"Limit.ICMP is 65537":             {Limit: Limit{ICMP: MaxPorts + 1}},
		"HoldPorts is 65537":              {HoldPorts: MaxPorts + 1},
		"Peers is 2049":                   {Peers: MaxPeers + 1},
		"Filtering is 3":                  {Filtering: 3},
		"UDP is -1ns":                     {UDP: -1},
		"Established is 168h0m1s: want a time from 0, the default, to 168h0m0s": {Established: MaxTime + time.Second},
		"Hold is 168h0m1s": {Hold: MaxTime + time.Second},
	} {
		for _, c := range []Config{{Policy: p}, {Policies: map[string]Policy{"pool0": p}}} {
			c.Plan = mustPlan(t, samplePool)
			if _, err := c.policies(); !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: %v, want %q", p, err, want)
			}
		}
	}
}

// The highest values are kept as they are.
func TestPolicyHighest(t *testing.T) {
	p := Policy{Rate: MaxRate, Burst: MaxBurst, HoldPorts: MaxPorts, Limit: Limit{MaxPorts, MaxPorts, MaxPorts}, UDP: MaxTime}
	tick := 256 * time.Millisecond
	if err := p.check(); err != nil {
		t.Error(err)
	}
	e := p.entry(tick)
	if e.Rate != 4_096_000 || e.Burst != MaxRate || e.Held != MaxPorts || e.Limit != [4]uint32{MaxPorts, MaxPorts, MaxPorts} || e.Udp != 2_362_500 {
		t.Errorf("%+v", e)
	}
}

// What Status says of a policy is what was asked for, whatever the kernel's unit of time.
func TestPolicyOf(t *testing.T) {
	for _, tick := range []time.Duration{256 * time.Millisecond, 320 * time.Millisecond, 213333333} {
		for rate := 1; rate < 2000; rate += 7 {
			want := Policy{
				UDP: 3 * time.Minute, ICMP: time.Minute, Established: 3 * time.Hour, Opening: 5 * time.Second, Closing: 7 * time.Second, Hold: time.Second,
				HoldPorts: 5, Limit: Limit{1, 2, 3}, Rate: rate, Burst: rate + 1, Filtering: AddressDependent, Peers: 17,
			}
			if got := policyOf(want.entry(tick), tick); got != want {
				t.Fatalf("tick %v: %+v, want %+v", tick, got, want)
			}
		}
	}
}
