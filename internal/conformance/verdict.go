package conformance

import (
	"maps"
	"slices"
)

// A Verdict is how far a backend meets a requirement.
type Verdict string

// Verdicts.
const (
	Yes     Verdict = "yes"
	Partly  Verdict = "partly"
	No      Verdict = "no"
	Exempt  Verdict = "n/a"   // the requirement is about something that is not there, or an option that is not taken
	Pending Verdict = "later" // not met, an open defect: it needs a part of cgnkit that does not exist yet
)

// NeedsProbe reports whether the verdict is a claim that a test must show. Every other verdict is a reason.
func (v Verdict) NeedsProbe() bool { return v == Yes || v == Partly || v == No }

// A Result is the verdict about one requirement.
type Result struct {
	Verdict Verdict
	Note    string
}

// A Backend is what makes packets obey a plan, with its verdicts by requirement id.
type Backend struct {
	Name    string
	Results map[string]Result
}

// NFTables returns the verdicts about package nat44 on a plain kernel.
func NFTables() Backend {
	return backend("nftables",
		nftables6888(), nftables4787(), nftables5382(), nftables5508(), nftables7857(), nftablesSharing(), nftables7422())
}

// XDP returns the verdicts about package ebpf.
func XDP() Backend {
	return backend("XDP", xdp6888(), xdp4787(), xdp5382(), xdp5508(), xdp7857(), xdpSharing(), xdp7422())
}

func backend(name string, chapters ...map[string]Result) Backend {
	b := Backend{Name: name, Results: map[string]Result{}}
	for _, c := range chapters {
		maps.Copy(b.Results, c)
	}
	return b
}

// Unmet returns the ids of the mandatory requirements with the given prefix that the backend does not meet in full, in the order
// of the catalogue. What belongs to a part that is still to come counts as not met.
func (b Backend) Unmet(prefix string) []string {
	var out []string
	for _, r := range Requirements() {
		v := b.Results[r.ID].Verdict
		if r.Level.IsMandatory() && len(r.ID) > len(prefix) && r.ID[:len(prefix)] == prefix && v != Yes && v != Exempt {
			out = append(out, r.ID)
		}
	}
	return slices.Clip(out)
}
