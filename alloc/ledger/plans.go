package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/cgnkit/cgnkit/alloc"
)

// keptBytes is how much canonical form may stand behind the plans that are kept; a plan in memory is about as large.
const keptBytes = 256 << 20

// plans keeps plans that were parsed, and lets those go that were not asked for the longest.
type plans struct {
	mu    sync.Mutex
	keys  []alloc.Key
	kept  map[string]*kept
	bytes int
	turn  uint64
}

type kept struct {
	plan *alloc.Plan
	size int
	used uint64
}

// Canonical returns the canonical form of an epoch's plan, byte for byte as it was recorded; its SHA-256 is e.PlanSHA256.
func (l *Ledger) Canonical(e Epoch) ([]byte, error) {
	if e.Pending && l.intent != nil {
		return l.intent.Plan.AppendCanonical(nil), nil
	}
	p, ok := l.bodies[e.PlanSHA256]
	if !ok {
		return nil, fmt.Errorf("%s: no record has plan %s", l.name, e.PlanSHA256)
	}
	body := make([]byte, p.length)
	if _, err := l.file.ReadAt(body, p.offset); err != nil {
		return nil, fmt.Errorf("%s: read the plan of epoch %d: %w", l.name, e.Seq, err)
	}
	if got := sha256.Sum256(body); hex.EncodeToString(got[:]) != e.PlanSHA256 {
		return nil, &DamageError{File: l.name, Line: int(e.Seq), Msg: "its plan was changed since the ledger was opened"}
	}
	return body, nil
}

// Plan returns the plan of an epoch. The first time, it is read from the file and parsed, in time linear in its canonical
// form; plans are kept while there is room. The error wraps alloc.ErrKey where the plan needs a key that Open was not given.
func (l *Ledger) Plan(e Epoch) (*alloc.Plan, error) {
	if e.Pending && l.intent != nil {
		return l.intent.Plan, nil
	}
	c := &l.plans
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn++
	if k := c.kept[e.PlanSHA256]; k != nil {
		k.used = c.turn
		return k.plan, nil
	}
	body, err := l.Canonical(e)
	if err != nil {
		return nil, err
	}
	plan, err := alloc.ParseCanonical(body, c.keys...)
	if err != nil {
		return nil, fmt.Errorf("%s: epoch %d: %w", l.name, e.Seq, err)
	}
	c.keep(e.PlanSHA256, plan, len(body))
	return plan, nil
}

func (c *plans) keep(sha string, plan *alloc.Plan, size int) {
	if c.kept == nil {
		c.kept = map[string]*kept{}
	}
	size += 4096 // what a plan takes whatever its size
	for c.bytes+size > keptBytes && len(c.kept) > 0 {
		c.dropOldest()
	}
	c.kept[sha] = &kept{plan: plan, size: size, used: c.turn}
	c.bytes += size
}

func (c *plans) dropOldest() {
	var oldest string
	for sha, k := range c.kept {
		if o := c.kept[oldest]; o == nil || k.used < o.used {
			oldest = sha
		}
	}
	c.bytes -= c.kept[oldest].size
	delete(c.kept, oldest)
}
