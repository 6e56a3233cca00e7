package policyfile

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cgnkit/cgnkit/ebpf"
)

func TestParse(t *testing.T) {
	got, err := Parse([]byte(`
default:
  udp: 3m
  limit: {tcp: 1000, icmp: 10}
  new-per-second: 100
pools:
  business:
    filtering: address-dependent
    limit: {tcp: 5000}
    burst: 300
    hold-down: 120s
  home: {}
`))
	if err != nil {
		t.Fatal(err)
	}
	base := ebpf.Policy{UDP: 3 * time.Minute, Limit: ebpf.Limit{TCP: 1000, ICMP: 10}, Rate: 100}
	business := base
	business.Filtering, business.Limit.TCP, business.Burst, business.Hold = ebpf.AddressDependent, 5000, 300, 2*time.Minute
	want := Policies{Default: base, Pools: map[string]ebpf.Policy{"business": business, "home": base}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEmptyFile(t *testing.T) {
	got, err := Parse(nil)
	if err != nil || got.Default != (ebpf.Policy{}) || len(got.Pools) != 0 {
		t.Errorf("Parse = %+v, %v", got, err)
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"default: {udp: 119s}":                                   "default: udp: 1m59s is shorter than 2m0s; shorter-than-rfc: true allows it (RFC 4787 REQ-5)",
		"default: {icmp: 0s}":                                    "default: icmp: 0s is no time (RFC 5508 REQ-2)",
		"pools: {a: {tcp-established: 2h}}":                      "pools: a: tcp-established: 2h0m0s is shorter than 2h4m0s; shorter-than-rfc: true allows it (RFC 5382 REQ-5)",
		"default: {hold-down: -1s}":                              "default: hold-down: -1s is not from 0s to 168h0m0s",
		"default: {udp: 169h}":                                   "default: udp: 169h0m0s is not from 0s to 168h0m0s (RFC 4787 REQ-5)",
		"default: {limit: {udp: 0}}":                             "default: limit: udp: 0 is not at least 1; leave it out for no limit",
		"default: {new-per-second: -5}":                          "default: new-per-second: -5 is not at least 1; leave it out for no limit",
		"default: {filtering: none}":                             `default: filtering: "none" is none of ["address-and-port-dependent" "address-dependent" "endpoint-independent"]`,
		"default: {upd: 5m}":                                     "line 1: field upd not found in type policyfile.policy",
		"default: {}\n---\ndefault: {}":                          "there is more than one document",
		"default: 5":                                             "cannot unmarshal",
		"default: {udp: soon}":                                   "cannot unmarshal",
		strings.Repeat("#", MaxBytes+1):                          "it has 1048577 bytes, and 1048576 are the most",
		"a: &a [1,1]\nb: &b [*a,*a]\nc: &c [*b,*b]\ndefault: *c": "field a not found",
	} {
		if _, err := Parse([]byte(text)); !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
	}
}

// What an RFC forbids is possible where the file says so.
func TestShorterThanRFC(t *testing.T) {
	got, err := Parse([]byte("shorter-than-rfc: true\ndefault: {udp: 30s}"))
	if err != nil || got.Default.UDP != 30*time.Second {
		t.Errorf("Parse = %+v, %v", got, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("default: {udp: 3m}\npools: {a: {burst: 3}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if err == nil && (p.Default.UDP < 0 || p.Default.UDP > longest) {
			t.Errorf("%q gives %v", data, p.Default.UDP)
		}
		if err != nil && !errors.Is(err, ErrPolicy) {
			t.Errorf("%q: %v", data, err)
		}
	})
}
