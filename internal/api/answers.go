package api

import (
	"errors"
	"io"
	"net/http"

	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/internal/api/form"
)

var errNoPlan = failf(http.StatusServiceUnavailable, "the daemon has not applied a plan yet; GET /v1/status says why")

func (s *server) status(*http.Request) (any, error) { return s.Daemon.Snapshot(), nil }

func (s *server) pools(*http.Request) (any, error) {
	plan := s.Daemon.Plan()
	if plan == nil {
		return nil, errNoPlan
	}
	out := form.Pools{SHA256: plan.SHA256(), Pools: []form.Pool{}}
	usage, owned := s.usage(plan), s.owned.get(plan)
	if usage != nil {
		out.Taken = new(usage.Taken.UTC())
	}
	for p := range plan.Pools() {
		i := len(out.Pools)
		pool := form.Pool{
			Name: p.Name(), Realm: p.Realm(), Scheme: p.Scheme().String(), Subscribers: p.Subscribers(), Capacity: p.Capacity(), Addresses: p.Addresses(),
			SharingRatio: p.SharingRatio(), PortsPerSubscriber: p.PortsPerSubscriber(), DynamicPorts: p.DynamicPorts(), TailPorts: p.TailPorts(),
			OwnedPorts: owned[i].OwnedPorts,
		}
		if usage != nil {
			u := &usage.Pools[i]
			pool.UsedPorts, pool.Mappings = new(form.Protocols(u.Ports)), new(form.Protocols(u.Mappings))
			if usage.HasSessions {
				pool.Sessions = new(form.Protocols(u.Sessions))
			}
		}
		out.Pools = append(out.Pools, pool)
	}
	return out, nil
}

// maxEpochs is how many epochs an answer has: the last ones.
const maxEpochs = 1000

func (s *server) epochs(*http.Request) (any, error) {
	led := s.Daemon.Ledger()
	if led == nil {
		return nil, failf(http.StatusNotFound, "there is no ledger, or it could not be read yet; GET /v1/status says which")
	}
	out := form.Epochs{Head: led.Head(), Records: led.Len(), Epochs: []form.Epoch{}, Warnings: stale(s.Daemon.Snapshot())}
	for e := range led.Epochs() {
		if led.Len() > maxEpochs && e.Seq <= uint64(led.Len()-maxEpochs) {
			continue
		}
		out.Epochs = append(out.Epochs, EpochOf(led, e))
	}
	return out, nil
}

// EpochOf returns an epoch as it is answered.
func EpochOf(led *ledger.Ledger, e ledger.Epoch) form.Epoch {
	a := form.Epoch{
		Seq: e.Seq, From: e.From, Settled: e.Settled, Added: e.Added, By: e.By, Note: e.Note, Backdated: e.Backdated, SHA256: e.PlanSHA256, Hash: e.Hash,
		Stray: e.Stray, Unknown: !led.Knows(e.PlanSHA256),
	}
	if !e.Until.IsZero() {
		a.Until = &e.Until
	}
	return a
}

func (s *server) reload(r *http.Request) (any, error) {
	if n, err := io.Copy(io.Discard, r.Body); err != nil || n > 0 {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return nil, failf(http.StatusRequestEntityTooLarge, "the body has more than %d bytes, and none is wanted", maxBody)
		}
		return nil, failf(http.StatusBadRequest, "a reload has no body")
	}
	s.Daemon.Reload()
	return map[string]string{"state": "reloading"}, nil
}
