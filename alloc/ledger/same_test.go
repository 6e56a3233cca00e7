package ledger_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestSameInstant adds an epoch that takes the place of the last one: a plan for later may be exchanged, what was so may not.
func TestSameInstant(t *testing.T) {
	for _, c := range []struct {
		name      string
		en        ledger.Entry
		want      error
		backdated bool
		from      time.Time // hour(5) where it is zero
	}{
		{name: "ahead", en: ledger.Entry{From: hour(5), Now: hour(5).Add(-1)}},
		{name: "at its beginning", en: ledger.Entry{From: hour(5), Now: hour(5)}},
		{name: "now", en: ledger.Entry{Now: hour(5)}, from: hour(5).Add(1)}, // behind what has begun
		{name: "ahead, with a needless --backdate", en: ledger.Entry{From: hour(5), Now: hour(4), Backdate: true}},
		{name: "since", en: ledger.Entry{From: hour(5), Now: hour(5).Add(1)}, want: ledger.ErrBefore},
		{name: "long since", en: ledger.Entry{From: hour(5), Now: hour(50)}, want: ledger.ErrBefore},
		{name: "without a reason", en: ledger.Entry{From: hour(5), Now: hour(6), Backdate: true}, want: ledger.ErrReason},
		{name: "with a note that says nothing", en: ledger.Entry{From: hour(5), Now: hour(6), Backdate: true, Note: " . "}, want: ledger.ErrReason},
		{name: "with a reason", en: ledger.Entry{From: hour(5), Now: hour(6), Backdate: true, Note: "the wrong file"}, backdated: true},
	} {
		if c.from.IsZero() {
			c.from = hour(5)
		}
		path := filepath.Join(t.TempDir(), "l")
		add(t, path, ledger.Entry{Plan: plan(t, 50, 500), From: hour(1), Now: hour(1)}, ledger.Entry{Plan: plan(t, 50, 600), From: hour(5), Now: hour(4)})
		w, err := ledger.Edit(path)
		if err != nil {
			t.Fatal(err)
		}
		c.en.Plan = plan(t, 50, 700)
		e, err := w.Add(c.en)
		w.Close()
		in, aerr := open(t, path).AtInstant(hour(7))
		switch {
		case aerr != nil:
			t.Fatal(aerr)
		case !errors.Is(err, c.want) || (err == nil) != (c.want == nil):
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		case c.want != nil && in.Seq != 2:
			t.Errorf("%s: it was refused, and epoch %d is in force", c.name, in.Seq)
		case c.want == nil && (in.Seq != 3 || e.Backdated != c.backdated || !e.From.Equal(c.from)):
			t.Errorf("%s: recorded as %+v, and epoch %d is in force", c.name, e, in.Seq)
		}
	}
	path := filepath.Join(t.TempDir(), "first")
	if e := add(t, path, ledger.Entry{Plan: plan(t, 50, 500), From: hour(1), Now: hour(9)}); e[0].Backdated {
		t.Error("the first epoch takes nobody's place")
	}
	add(t, path, ledger.Entry{Plan: plan(t, 50, 500), From: hour(1).Add(time.Millisecond), Now: hour(9)})
}
