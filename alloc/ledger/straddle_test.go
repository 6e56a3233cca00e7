package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// A straddle is a ledger with plan a from hour 1, and others planned, while plan x is applied.
type straddle struct {
	*testing.T
	path  string
	plans map[string]*alloc.Plan
}

func newStraddle(t *testing.T) *straddle {
	t.Helper()
	s := &straddle{t, filepath.Join(t.TempDir(), "l"), map[string]*alloc.Plan{}}
	for i, name := range []string{"a", "b", "c", "x"} {
		s.plans[name] = plan(t, 100, 500+100*i)
	}
	s.record("a", 1)
	return s
}

// record plans an epoch.
func (s *straddle) record(name string, at int) {
	s.Helper()
	add(s.T, s.path, ledger.Entry{Plan: s.plans[name], From: hour(at), Now: hour(1)})
}

// begin begins to apply a plan.
func (s *straddle) begin(name string, at time.Time) {
	s.Helper()
	s.edit(func(w *ledger.Writer) error {
		in, err := w.Begin(ledger.Intent{Plan: s.plans[name], From: at, By: "bob", Target: "nftables cgn"})
		if err == nil && in.From.After(at) {
			s.Errorf("begun at %v, written as %v", at, in.From)
		}
		return err
	})
}

// end ends what was begun, by Commit or Doubt.
func (s *straddle) end(at time.Time, how func(*ledger.Writer, ledger.Intent, time.Time) (ledger.Epoch, error)) (e ledger.Epoch) {
	s.Helper()
	s.edit(func(w *ledger.Writer) error {
		in, err := w.Pending()
		if err == nil {
			e, err = how(w, *in, at)
		}
		return err
	})
	if ledger.IsPending(s.path) {
		s.Error("the intent is still there")
	}
	return e
}

func (s *straddle) edit(fn func(*ledger.Writer) error) {
	s.Helper()
	w, err := ledger.Edit(s.path)
	if err != nil {
		s.Fatal(err)
	}
	defer w.Close()
	if err := fn(w); err != nil {
		s.Fatal(err)
	}
}

// letter returns which plan it is.
func (s *straddle) letter(sha256 string) string {
	s.Helper()
	for name, p := range s.plans {
		if p.SHA256() == sha256 {
			return name
		}
	}
	s.Fatalf("no plan has %s", sha256)
	return ""
}

// possible returns the plans that may have been in force at an instant, as their letters, "-" for none.
func (s *straddle) possible(at time.Time) string {
	s.Helper()
	epochs, gap := open(s.T, s.path).Between(at, at)
	var out []string
	if gap {
		out = append(out, "-")
	}
	for _, e := range epochs {
		out = append(out, s.letter(e.PlanSHA256))
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), "")
}

// wants compares what is possible at instants.
func (s *straddle) wants(what string, want map[time.Time]string) {
	s.Helper()
	for at, w := range want {
		if got := s.possible(at); got != w {
			s.Errorf("%s: at %v %q is possible, want %q", what, at.Format(time.RFC3339Nano), got, w)
		}
	}
	if _, _, err := ledger.Verify(s.path); err != nil {
		s.Error(err)
	}
}

// TestStraddle applies x from hour 5 to hour 7, while b is planned for hour 6: nobody can say which of them the kernel had in between, and
// when the apply is over it has x.
func TestStraddle(t *testing.T) {
	s := newStraddle(t)
	s.record("b", 6)
	s.record("c", 9)
	s.begin("x", hour(5))
	under := map[time.Time]string{hour(5).Add(-1): "a", hour(5): "ax", hour(6).Add(-1): "ax", hour(6): "abx", hour(8): "abx", hour(9): "abcx"}
	s.wants("under way", under)
	if e := s.end(hour(7), (*ledger.Writer).Commit); !e.From.Equal(hour(7)) || !e.Until.Equal(hour(9)) || e.PlanSHA256 != s.plans["x"].SHA256() {
		t.Errorf("in force is %+v", e)
	}
	s.wants("applied", map[time.Time]string{
		hour(5).Add(-1): "a", hour(5): "ax", hour(6).Add(-1): "ax", hour(6): "abx", hour(7).Add(-1): "abx", hour(7): "x", hour(9).Add(-1): "x", hour(9): "c",
	})
}

// TestStraddleOthers is what else may come of such an apply.
func TestStraddleOthers(t *testing.T) {
	commit, doubt := (*ledger.Writer).Commit, (*ledger.Writer).Doubt
	for _, c := range []struct {
		name    string
		planned string // for hour 6, "" = nothing
		applied string
		begin   time.Time
		end     time.Time
		how     func(*ledger.Writer, ledger.Intent, time.Time) (ledger.Epoch, error)
		want    map[time.Time]string
		records int
	}{
		{"before the planned one", "b", "x", hour(4), hour(5), commit, map[time.Time]string{hour(4).Add(-1): "a", hour(4): "ax", hour(5): "x", hour(6): "b"}, 3},
		{"the planned one, early", "b", "b", hour(4), hour(5), commit, map[time.Time]string{hour(4): "ab", hour(5): "b", hour(6): "b"}, 3},
		{"the planned one, across", "b", "b", hour(5), hour(7), commit, map[time.Time]string{hour(5): "ab", hour(6): "ab", hour(7).Add(-1): "ab", hour(7): "b"}, 4},
		{"the one in force, across", "b", "a", hour(5), hour(7), commit, map[time.Time]string{hour(5): "a", hour(6): "ab", hour(7): "a"}, 5},
		{"ends with the instant", "b", "x", hour(5), hour(6), commit, map[time.Time]string{hour(5): "ax", hour(6).Add(-1): "ax", hour(6): "x"}, 4},
		{"begins with the instant", "b", "x", hour(6), hour(7), commit, map[time.Time]string{hour(6).Add(-2): "a", hour(6).Add(-1): "ax", hour(6): "abx", hour(7): "x"}, 5},
		{"begins and ends with the instant", "b", "x", hour(6), hour(6), commit, map[time.Time]string{hour(6).Add(-2): "a", hour(6): "x"}, 4},
		{"nothing planned, in doubt", "", "x", hour(5), hour(7), doubt, map[time.Time]string{hour(5): "ax", hour(7).Add(-1): "ax", hour(7): "a"}, 3},
		{"in doubt, across", "b", "x", hour(5), hour(7), doubt, map[time.Time]string{hour(5).Add(-1): "a", hour(5): "ax", hour(6): "abx", hour(7).Add(-1): "abx", hour(7): "b"}, 4},
		{"in doubt, before", "b", "x", hour(4), hour(5), doubt, map[time.Time]string{hour(4): "ax", hour(5): "a", hour(6): "b"}, 4},
		{"withdrawn", "b", "x", hour(4), hour(5), withdraw, map[time.Time]string{hour(4): "a", hour(5): "a", hour(6): "b"}, 2},
		{"withdrawn, across", "b", "x", hour(5), hour(7), withdraw, map[time.Time]string{hour(5): "a", hour(6).Add(-1): "a", hour(6): "ab", hour(7).Add(-1): "ab", hour(7): "b"}, 3},
		{"the clock was set back, withdrawn", "b", "x", hour(5), hour(4), withdraw, map[time.Time]string{hour(4): "a", hour(5): "a", hour(6): "b"}, 2},
		{"the clock was set back", "b", "x", hour(5), hour(4), commit, map[time.Time]string{hour(5).Add(-1): "a", hour(5): "x", hour(6): "b"}, 3},
	} {
		s := newStraddle(t)
		if c.planned != "" {
			s.record(c.planned, 6)
		}
		s.begin(c.applied, c.begin)
		s.end(c.end, c.how)
		s.wants(c.name, c.want)
		if n := open(t, s.path).Len(); n != c.records {
			t.Errorf("%s: %d records, want %d", c.name, n, c.records)
		}
	}
}

// withdraw is an end like Commit and Doubt.
func withdraw(w *ledger.Writer, in ledger.Intent, now time.Time) (ledger.Epoch, error) {
	return ledger.Epoch{}, w.Withdraw(in, now)
}

// TestTakeOver has a second apply, from hour 8 on, take the place of one of which it is known that it changed nothing: b, which was planned for hour
// 6, is open from then until the second one ends, and so is what was before.
func TestTakeOver(t *testing.T) {
	for _, c := range []struct {
		name  string
		how   func(*ledger.Writer, ledger.Intent, time.Time) (ledger.Epoch, error)
		after map[time.Time]string
	}{
		{"ended", (*ledger.Writer).Commit, map[time.Time]string{hour(6): "ab", hour(8): "abc", hour(9): "c"}},
		{"in doubt", (*ledger.Writer).Doubt, map[time.Time]string{hour(6): "ab", hour(8): "abc", hour(9): "b"}},
		{"withdrawn", withdraw, map[time.Time]string{hour(6): "ab", hour(8): "ab", hour(9): "b"}},
	} {
		s := newStraddle(t)
		s.record("b", 6)
		s.begin("x", hour(5))
		s.wants(c.name, map[time.Time]string{hour(5).Add(-1): "a", hour(5): "ax", hour(6): "abx"})
		s.edit(func(w *ledger.Writer) error {
			old, err := w.Pending()
			if err != nil {
				return err
			}
			if began := w.Began(*old, hour(8)); len(began) != 1 || began[0].PlanSHA256 != s.plans["b"].SHA256() {
				t.Errorf("began: %+v", began)
			}
			in := ledger.Intent{Plan: s.plans["c"], From: hour(8), Target: "nftables cgn", Boot: "f00"}
			if _, err := w.Begin(in); !errors.Is(err, ledger.ErrPending) {
				t.Errorf("beside the other one: %v", err)
			}
			in.Since = old.Since
			_, err = w.Begin(in)
			return err
		})
		s.wants(c.name, map[time.Time]string{hour(5): "a", hour(6).Add(-1): "a", hour(6): "ab", hour(8).Add(-1): "ab", hour(8): "abc"})
		s.edit(func(w *ledger.Writer) error {
			in, err := w.Pending()
			if err == nil && (in.Boot != "f00" || !in.Since.Equal(hour(5)) || !in.From.Equal(hour(8))) {
				t.Errorf("read back: %+v", in)
			}
			return err
		})
		s.end(hour(9), c.how)
		s.wants(c.name, c.after)
		s.wants(c.name, map[time.Time]string{hour(5): "a", hour(6).Add(-1): "a"})
	}
}

// TestDoubtWithoutEpochs has nothing to go back to: that the plan which is in doubt would be in force from then on is not to be.
func TestDoubtWithoutEpochs(t *testing.T) {
	s := &straddle{t, filepath.Join(t.TempDir(), "l"), map[string]*alloc.Plan{"b": plan(t, 100, 600), "x": plan(t, 100, 700)}}
	s.record("b", 6)
	s.begin("x", hour(4))
	if e := s.end(hour(5), (*ledger.Writer).Doubt); e.Seq != 0 {
		t.Errorf("recorded as %+v", e)
	}
	s.wants("in doubt", map[time.Time]string{hour(4): "-", hour(5): "-", hour(6): "b"})
}

// TestStraddleFirst has an apply be the first that a ledger knows of, but for one that is planned.
func TestStraddleFirst(t *testing.T) {
	s := &straddle{t, filepath.Join(t.TempDir(), "l"), map[string]*alloc.Plan{"b": plan(t, 100, 600), "x": plan(t, 100, 700)}}
	s.record("b", 6)
	s.begin("x", hour(5))
	s.wants("under way", map[time.Time]string{hour(5).Add(-1): "-", hour(5): "-x", hour(6): "-bx"})
	s.end(hour(7), (*ledger.Writer).Commit)
	s.wants("applied", map[time.Time]string{hour(5).Add(-1): "-", hour(5): "-x", hour(6): "-bx", hour(7): "x"})
}

// TestStraddleCutOff cuts the file off behind each record that the end of an apply adds, as a crash would: until the last one is there the
// intent stands, and the next run ends it. What was possible stays possible.
func TestStraddleCutOff(t *testing.T) {
	for _, how := range []func(*ledger.Writer, ledger.Intent, time.Time) (ledger.Epoch, error){(*ledger.Writer).Commit, (*ledger.Writer).Doubt, withdraw} {
		for cut := range 4 {
			s := newStraddle(t)
			s.record("b", 6)
			s.begin("x", hour(5))
			pending, before := readFile(t, s.path+".pending"), strings.Count(string(readFile(t, s.path)), "\n")
			s.end(hour(7), how)
			lines := strings.SplitAfter(string(readFile(t, s.path)), "\n")
			if before+cut >= len(lines)-1 {
				break
			}
			writeFile(t, s.path, []byte(strings.Join(lines[:before+cut], "")))
			writeFile(t, s.path+".pending", pending)
			s.wants(fmt.Sprintf("cut off behind %d", cut), map[time.Time]string{hour(5): "ax", hour(6): "abx", hour(8): "abx"})
			s.end(hour(8), (*ledger.Writer).Commit)
			s.wants(fmt.Sprintf("ended after %d", cut), map[time.Time]string{hour(5): "ax", hour(6): "abx", hour(8): "x"})
		}
	}
}

// TestStraddles plays random applies with random plans ahead against a kernel that does whatever a kernel may do meanwhile: what it had
// is possible at every instant, and when nothing is under way there is one plan only, until the next is planned.
func TestStraddles(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 1))
	letters := []string{"a", "b", "c", "x"}
	for range 20 {
		s := newStraddle(t)
		at, kernel := 1, "a"
		var had []string // hour by hour from 1, what the kernel had
		planned := map[int]string{}
		for range 4 {
			name, from := letters[r.IntN(4)], at+r.IntN(6)
			last := 1
			for k := range planned {
				last = max(last, k)
			}
			if from > last && from > at {
				planned[from] = name
				s.edit(func(w *ledger.Writer) error {
					_, err := w.Add(ledger.Entry{Plan: s.plans[name], From: hour(from), Now: hour(at), Backdate: true, Note: "planned"})
					return err
				})
			}
			for n := r.IntN(3); n > 0; n-- { // time goes by, and somebody does what is planned
				had = append(had, kernel)
				at++
				if p := planned[at]; p != "" {
					kernel = p
				}
			}
			x := letters[r.IntN(4)]
			s.begin(x, hour(at))
			for n := 1 + r.IntN(3); n > 0; n-- { // the change may come at any time, and that of a planned epoch, too, or not at all
				switch r.IntN(3) {
				case 0:
					kernel = x
				case 1:
					if p := planned[at]; p != "" {
						kernel = p
					}
				}
				had = append(had, kernel)
				at++
			}
			if r.IntN(3) > 0 || planned[at] != "" {
				kernel = x
				s.end(hour(at), (*ledger.Writer).Commit)
			} else {
				s.end(hour(at), (*ledger.Writer).Doubt)
				e, err := open(t, s.path).AtInstant(hour(at))
				if err != nil {
					t.Fatal(err)
				}
				kernel = s.letter(e.PlanSHA256) // what follows the ledger has applied
			}
			if got := s.possible(hour(at)); got != kernel {
				t.Fatalf("hour %d: %q is possible, and the kernel has %q", at, got, kernel)
			}
			delete(planned, at)
		}
		for i, name := range had {
			if got := s.possible(hour(1 + i)); !strings.Contains(got, name) {
				t.Fatalf("hour %d: %q is possible, and the kernel had %q", 1+i, got, name)
			}
		}
	}
}

// TestUnsure asks about a time from which on nobody knows whether epochs came into force.
func TestUnsure(t *testing.T) {
	s := newStraddle(t)
	s.record("b", 5)
	s.record("c", 6)
	outside := netip.MustParseAddr("198.18.0.0")
	for _, c := range []struct {
		at     int
		unsure time.Time
		want   string
	}{{6, time.Time{}, "c"}, {6, hour(6), "bc"}, {6, hour(5), "abc"}, {5, hour(5), "ab"}, {4, hour(5), "a"}, {7, hour(7), "c"}} {
		q := ledger.At(outside, ledger.Port{}, hour(c.at), 0)
		q.Unsure = c.unsure
		a, err := open(t, s.path).Trace(q)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range a.Candidates {
			got = append(got, s.letter(x.Epoch.PlanSHA256))
		}
		slices.Sort(got)
		if all := strings.Join(slices.Compact(got), ""); all != c.want {
			t.Errorf("at %d, unsure from %v: %q, want %q", c.at, c.unsure, all, c.want)
		}
	}
}

// TestEditExisting makes no ledger where there is none.
func TestEditExisting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l")
	if _, err := ledger.EditExisting(path); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("it was made")
	}
	s := newStraddle(t)
	w, err := ledger.EditExisting(s.path)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
}
