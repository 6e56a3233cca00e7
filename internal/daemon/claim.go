package daemon

import (
	"errors"
	"sync"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// What stands beside a ledger is about one kernel. Two daemons that follow one ledger would each write over what the other one knows, so the second one does
// not write, and does not begin where that can be told at its start.

// A claim is this daemon's on what stands beside its ledger.
type claim struct {
	mu  sync.Mutex
	has *ledger.Claim // nil = none yet, or none can be had
}

// Claim reserves what stands beside the ledger for this daemon until it ends. The error wraps ledger.ErrClaimed where another daemon follows the ledger. That
// nothing can be written there, as while the ledger is away, is none: it is tried again whenever something is to be noted.
func (s Source) Claim() error {
	if !s.ledger {
		return nil
	}
	if err := s.claimAt(s.path); errors.Is(err, ledger.ErrClaimed) {
		return err
	}
	return nil
}

// claimAt is Claim for a ledger that lies at path by now.
func (s Source) claimAt(path string) error {
	s.claim.mu.Lock()
	defer s.claim.mu.Unlock()
	if s.claim.has.Is(path) {
		return nil
	}
	c, err := ledger.ClaimMemory(path)
	if err == nil {
		s.claim.has.Release()
		s.claim.has = c
	}
	return err
}

// release gives it up.
func (s Source) release() {
	if s.ledger {
		s.claim.mu.Lock()
		defer s.claim.mu.Unlock()
		s.claim.has.Release()
		s.claim.has = nil
	}
}

// note writes a memory beside the ledger at path, unless another daemon has it. Where there is no lock to be had, who is alone does not know it.
func (s Source) note(path string, m memory) error {
	if err := s.claimAt(path); errors.Is(err, ledger.ErrClaimed) {
		return err
	}
	return ledger.Remember(path, m)
}
