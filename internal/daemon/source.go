package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/alloc/planfile"
)

// A Source says which plan is to be in force when. Make one with FromLedger or FromPlan.
type Source struct {
	path   string
	ledger bool
	keys   func() ([]alloc.Key, error)
	home   *atomic.Pointer[home] // of the ledger that was read last
	claim  *claim
}

// A home is where a ledger lay when it could be read: without links, and what folder that was.
type home struct {
	path   string
	folder os.FileInfo
}

// FromLedger returns the source that follows the ledger at path. keys is called at every reading, for plans with scheme random.
func FromLedger(path string, keys func() ([]alloc.Key, error)) Source {
	return Source{path: path, ledger: true, keys: keys, home: &atomic.Pointer[home]{}, claim: &claim{}}
}

// FromPlan returns the source that follows the plan file at path, which is to be in force from the moment that it is read.
func FromPlan(path string, keys func() ([]alloc.Key, error)) Source {
	return Source{path: path, keys: keys}
}

// mark returns a text that stays the same as long as the file does, as far as can be told without reading it.
func (s Source) mark() string {
	st, err := os.Stat(s.path)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %d %d", st.Size(), st.ModTime().UnixNano(), inode(st))
}

// intentMark is mark of what somebody else has written down that he is about to apply; "" = nothing.
func (s Source) intentMark() string {
	if !s.ledger {
		return ""
	}
	st, err := ledger.StatPending(s.path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d %d %d", st.Size(), st.ModTime().UnixNano(), inode(st))
}

// underWay reports whether somebody else has written down that he is about to apply a plan and to record it.
func (s Source) underWay() bool { return s.ledger && ledger.IsPending(s.path) }

// load reads the file. Where it is the same as before, and says the same, what was read before is returned again. A ledger has to go on from the one
// before; the error wraps errAnother otherwise.
func (s Source) load(old *timeline) (*timeline, error) {
	keys, err := s.keys()
	if err != nil {
		return nil, err
	}
	if !s.ledger {
		f, err := planfile.Load(s.path, planfile.Options{Keys: keys, Regular: true})
		if err != nil {
			return nil, err
		}
		return &timeline{plan: f.Plan}, nil
	}
	if old != nil && old.ledger != nil && s.isAt(old.ledger.Target()) && old.ledger.IsStill(s.path, keys...) {
		s.livesAt(old.ledger.Target())
		return old, nil
	}
	led, err := ledger.Open(s.path, keys...)
	if err != nil {
		return nil, err
	}
	if old != nil && old.ledger != nil {
		if err := goesOn(led, old.ledger); err != nil {
			led.Close()
			return nil, fmt.Errorf("%s: %w", s.path, err)
		}
	}
	s.livesAt(led.Target())
	// The one before is not closed: somebody may be asking it. Its file goes when nobody refers to it any longer.
	return &timeline{ledger: led}, nil
}

// isAt reports whether the source is still the file of that name, which is no link.
func (s Source) isAt(target string) bool {
	a, err1 := os.Stat(s.path)
	b, err2 := os.Lstat(target)
	return err1 == nil && err2 == nil && os.SameFile(a, b)
}

// livesAt notes where the ledger lies.
func (s Source) livesAt(path string) {
	if st, err := os.Stat(filepath.Dir(path)); err == nil {
		s.home.Store(&home{path, st})
	}
}

// errAnother is a ledger that is valid, and does not go on from the one that was read before: it was cut off, or it is another one.
var errAnother = errors.New("it does not go on from the ledger that was read before")

// goesOn returns an error unless a ledger begins with all that another one has. Without that check, whoever loses the last records
// would have the kernel go back to an earlier plan, and all be well.
func goesOn(led, old *ledger.Ledger) error {
	n := old.Len()
	if n == 0 {
		return nil
	}
	is := fmt.Sprintf("this one has %d", led.Len())
	if e, ok := led.Epoch(uint64(n)); ok {
		if e.Hash == old.Head() {
			return nil
		}
		is = fmt.Sprintf("record %d of this one has hash %.12s", n, e.Hash)
	}
	return fmt.Errorf("%w: that had %d records with head %.12s, %s; put it back, or restart cgnd to follow this one", errAnother, n, old.Head(), is)
}

// A timeline is what a source said when it was read: a ledger, or a single plan without a time.
type timeline struct {
	ledger *ledger.Ledger
	plan   *alloc.Plan
}

// A target is what is to be in force.
type target struct {
	sha256 string
	epoch  ledger.Epoch // the zero Epoch with a plan file
	plan   func() (*alloc.Plan, error)
}

// at returns what is to be in force at an instant. The error wraps ledger.ErrNotCovered.
func (t *timeline) at(now time.Time) (target, error) {
	if t.ledger == nil {
		return target{sha256: t.plan.SHA256(), plan: func() (*alloc.Plan, error) { return t.plan, nil }}, nil
	}
	e, err := t.ledger.AtInstant(now)
	if err != nil {
		return target{}, err
	}
	return t.targetOf(e), nil
}

// next returns the first epoch that begins after an instant.
func (t *timeline) next(now time.Time) (first ledger.Epoch, ok bool) {
	if t.ledger == nil {
		return first, false
	}
	for e := range t.ledger.Epochs() {
		if !e.Stray && e.From.After(now) && (!ok || !e.From.After(first.From)) { // of two with the same instant the later record counts
			first, ok = e, true
		}
	}
	return first, ok
}

// isNotCovered reports that the file is right and says nothing about the time.
func isNotCovered(err error) bool { return errors.Is(err, ledger.ErrNotCovered) }
