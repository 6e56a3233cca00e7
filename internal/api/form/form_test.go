package form

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestProtocols(t *testing.T) {
	p := Protocols{TCP: 3, UDP: 5, ICMP: 1}
	if p.Max() != 5 || p.Sum() != 9 {
		t.Error(p.Max(), p.Sum())
	}
}

func TestVerdicts(t *testing.T) {
	all := slices.Clone(Verdicts)
	slices.Sort(all)
	if len(slices.Compact(all)) != len(Verdicts) {
		t.Errorf("%q", Verdicts)
	}
}

// TestAddedIsFlat: the epoch's fields stand beside the others, so that who reads an Epoch can read an Added.
func TestAddedIsFlat(t *testing.T) {
	b, err := json.Marshal(Added{Epoch: Epoch{Seq: 7}, Difference: Difference{Moved: 2}})
	if err != nil {
		t.Fatal(err)
	}
	var e Epoch
	if err := json.Unmarshal(b, &e); err != nil || e.Seq != 7 {
		t.Errorf("%s: %+v, %v", b, e, err)
	}
}
