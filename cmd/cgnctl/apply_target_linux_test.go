package main

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestClaimLedger applies to one target after another with one ledger, where the first one still has its plan or has it no longer.
func TestClaimLedger(t *testing.T) {
	a, b := rigPlan(t, 500), rigPlan(t, 600)
	cgn := ledger.Target{Backend: nftables, Instance: "cgn"}
	other := ledger.Target{Backend: nftables, Instance: "other"}
	fast := ledger.Target{Backend: xdp, Instance: "cgn"}
	gone := ledger.Target{Backend: nftables, Instance: "cgn", Namespace: "no-such-namespace"}
	has := func(t ledger.Target, sha string) held {
		return held{backend: t.Backend, instance: t.Instance, sha256: sha}
	}
	broken := errors.New("cannot be looked at")
	for _, c := range []struct {
		name   string
		noted  []ledger.Target
		mine   ledger.Target
		kernel []held
		blind  string // a backend that cannot be looked at
		want   []ledger.Target
		refuse string
	}{
		{name: "the first apply", mine: cgn, want: []ledger.Target{cgn}},
		{name: "the same again", noted: []ledger.Target{cgn}, mine: cgn, kernel: []held{has(cgn, a.SHA256())}, want: []ledger.Target{cgn}},
		{name: "another instance", noted: []ledger.Target{cgn}, mine: other, kernel: []held{has(cgn, a.SHA256())}, refuse: "is the ledger of instance cgn of backend nftables, which still has plan"},
		{name: "another instance, nothing is noted", mine: other, kernel: []held{has(cgn, a.SHA256())}, refuse: "is the ledger of instance cgn of backend nftables, which still has plan"},
		{name: "another instance, whose plan was changed by hand", noted: []ledger.Target{cgn}, mine: other, kernel: []held{has(cgn, strings.Repeat("1", 64))}, refuse: "instance cgn"},
		{name: "an instance with a ledger of its own", noted: []ledger.Target{cgn}, mine: cgn, kernel: []held{has(cgn, a.SHA256()), has(other, strings.Repeat("1", 64))}, want: []ledger.Target{cgn}},
		{name: "another instance when the first is gone", noted: []ledger.Target{cgn}, mine: other, want: []ledger.Target{other}},
		{name: "another backend with the same plan", noted: []ledger.Target{cgn}, mine: fast, kernel: []held{has(cgn, b.SHA256())}, want: []ledger.Target{fast, cgn}},
		{name: "another backend with another plan", noted: []ledger.Target{cgn}, mine: fast, kernel: []held{has(cgn, a.SHA256())}, refuse: "this would be instance cgn of backend xdp"},
		{name: "back again", noted: []ledger.Target{fast, cgn}, mine: cgn, kernel: []held{has(cgn, b.SHA256()), has(fast, a.SHA256())}, refuse: "cgnctl remove --backend xdp"},
		{name: "moved", noted: []ledger.Target{fast, cgn}, mine: fast, kernel: []held{has(fast, a.SHA256())}, want: []ledger.Target{fast}},
		{name: "one that cannot be read", noted: []ledger.Target{fast}, mine: cgn, kernel: []held{{backend: xdp, instance: "cgn", state: "damaged"}}, refuse: "damaged"},
		{name: "one that cannot be read and is another's", noted: []ledger.Target{cgn}, mine: cgn, kernel: []held{{backend: xdp, instance: "cgn", state: "damaged"}}, want: []ledger.Target{cgn}},
		{name: "the other backend cannot be looked at", noted: []ledger.Target{cgn}, mine: cgn, blind: xdp, want: []ledger.Target{cgn}},
		{name: "the own backend cannot be looked at", mine: cgn, blind: nftables, refuse: broken.Error()},
		{name: "a namespace that is gone", noted: []ledger.Target{gone}, mine: cgn, want: []ledger.Target{cgn}},
		{name: "a namespace without a name", noted: []ledger.Target{cgn}, mine: gone, refuse: "remove "},
	} {
		path := filepath.Join(t.TempDir(), "l")
		w, err := ledger.Edit(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Add(ledger.Entry{Plan: a, Now: at(0)}); err != nil {
			t.Fatal(err)
		}
		if c.noted != nil {
			if err := w.SetTargets(c.noted); err != nil {
				t.Fatal(err)
			}
		}
		var said bytes.Buffer
		r := &recording{e: &env{stderr: &said}, w: w, path: path, intent: ledger.Intent{Plan: b}, now: now}
		err = r.claimLedger(c.mine, func(backend string) (all []held, err error) {
			if backend == c.blind {
				return nil, broken
			}
			for _, h := range c.kernel {
				if h.backend == backend {
					all = append(all, h)
				}
			}
			return all, nil
		})
		switch {
		case c.refuse != "":
			var f *fault
			if err == nil || !strings.Contains(err.Error()+hintOf(err), c.refuse) || !errors.Is(err, broken) && (!errors.As(err, &f) || !strings.Contains(f.hint, path+".targets")) {
				t.Errorf("%s: %v", c.name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", c.name, err)
		default:
			r.noteTarget()
			if got, err := w.Targets(); err != nil || !slices.Equal(got, c.want) || said.Len() > 0 {
				t.Errorf("%s: noted %v, %v, %s", c.name, got, err, said.String())
			}
		}
		w.Close()
	}
}

func hintOf(err error) string {
	if f, ok := errors.AsType[*fault](err); ok {
		return f.hint
	}
	return ""
}
