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

// Anchors and keys without a value are YAML, too.
func TestAliases(t *testing.T) {
	got, err := Parse([]byte("default: {udp: &t 3m, icmp: *t, tcp-opening: }"))
	if err != nil || got.Default != (ebpf.Policy{UDP: 3 * time.Minute, ICMP: 3 * time.Minute}) {
		t.Errorf("Parse = %+v, %v", got, err)
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
		"default: {udp: 119s}":                                   "line 1: default: udp: 1m59s is shorter than 2m0s; shorter-than-rfc: true, at the top of the file beside default, allows it (RFC 4787 REQ-5)",
		"default: {icmp: 0s}":                                    "default: icmp: 0s is no time (RFC 5508 REQ-2)",
		"pools:\n  a:\n    tcp-established: 2h":                  "line 3: pools: a: tcp-established: 2h0m0s is shorter than 2h4m0s; shorter-than-rfc: true, at the top of the file beside default, allows it (RFC 5382 REQ-5)",
		"default: {hold-down: -1s}":                              "default: hold-down: -1s is not from 0s to 168h0m0s",
		"default: {udp: 169h}":                                   "default: udp: 169h0m0s is not from 0s to 168h0m0s (RFC 4787 REQ-5)",
		"default: {udp: soon}":                                   `line 1: default: udp: "soon" is no time; for example 5m, 90s or 2h4m`,
		"default: {udp: 300}":                                    `"300" is no time`,
		"default: {udp: [5m]}":                                   "line 1: default: udp: want one value, and this is a list or has keys",
		"default: {limit: {udp: 0}}":                             "default: limit: udp: 0 is not at least 1; leave it out for the default",
		"default: {limit: {udp: 4294967297}}":                    "line 1: default: limit: udp: 4294967297 is more than 65536, which is the most",
		"default: {hold-down-ports: 4294967296}":                 "default: hold-down-ports: 4294967296 is more than 65536, which is the most",
		"default: {new-per-second: -5}":                          "default: new-per-second: -5 is not at least 1; leave it out for the default",
		"default: {new-per-second: 4294967296}":                  "default: new-per-second: 4294967296 is more than 1000000, which is the most",
		"default: {new-per-second: 99999999999999999999}":        "99999999999999999999 is more than 1000000",
		"default: {new-per-second: 1.9}":                         `default: new-per-second: "1.9" is no whole number`,
		"default: {new-per-second: 1, burst: 65536}":             "default: burst: 65536 is more than 65535, which is the most",
		"default: {peers: 2049}":                                 "default: peers: 2049 is more than 2048, which is the most",
		"default: {limit: {tcp: 1e3}}":                           `"1e3" is no whole number`,
		"default: {burst: 5}":                                    "line 1: default: burst: it means nothing without new-per-second: give both, or neither",
		"pools: {a: {burst: 5}}":                                 "line 1: pools: a: burst: it means nothing without new-per-second",
		"default: {filtering: none}":                             `default: filtering: "none" is none of ["address-and-port-dependent" "address-dependent" "endpoint-independent"]`,
		"default: {upd: 5m}":                                     "line 1: unknown key upd; the keys there are udp, icmp, tcp-established, tcp-opening, tcp-closing, hold-down, hold-down-ports, limit, new-per-second, burst, filtering, peers",
		"default: {shorter-than-rfc: true}":                      "line 1: unknown key shorter-than-rfc",
		"default: {}\n---\ndefault: {}":                          "there is more than one document",
		"default: 5":                                             "line 1: cannot read `5` here; want the keys udp, ",
		"default: {limit: 5}":                                    "line 1: cannot read `5` here; want the keys tcp, udp, icmp",
		"pools: [a]":                                             "line 1: cannot read this here; want names of pools, and behind each its keys",
		"shorter-than-rfc: 5":                                    "line 1: cannot read `5` here; want true or false",
		"default: {udp: 5m, udp: 6m}":                            `line 1: mapping key "udp" already defined at line 1`,
		"default: {udp":                                          "line 1: did not find expected ',' or '}'",
		strings.Repeat("#", MaxBytes+1):                          "it has 1048577 bytes, and 1048576 are the most",
		"a: &a [1,1]\nb: &b [*a,*a]\nc: &c [*b,*b]\ndefault: *c": "line 1: unknown key a; the keys there are shorter-than-rfc, default, pools",
	} {
		if _, err := Parse([]byte(text)); !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
		if _, err := Parse([]byte(text)); err != nil && strings.Contains(err.Error(), "policyfile.") {
			t.Errorf("%.60q: %v names a type", text, err)
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
		if err == nil && (p.Default.UDP < 0 || p.Default.UDP > ebpf.MaxTime) {
			t.Errorf("%q gives %v", data, p.Default.UDP)
		}
		if err != nil && !errors.Is(err, ErrPolicy) {
			t.Errorf("%q: %v", data, err)
		}
	})
}
