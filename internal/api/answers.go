package api

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

var errNoPlan = failf(http.StatusServiceUnavailable, "the daemon has not applied a plan yet; GET /v1/status says why")

func (s *server) status(*http.Request) (any, error) { return s.Daemon.Snapshot(), nil }

// A poolAnswer is a pool of the plan in force.
type poolAnswer struct {
	Name               string `json:"name"`
	Realm              string `json:"realm"`
	Scheme             string `json:"scheme"`
	Subscribers        uint64 `json:"subscribers"`
	Capacity           uint64 `json:"capacity"` // subscribers that fit
	Addresses          uint64 `json:"addresses"`
	SharingRatio       int    `json:"sharing_ratio"`
	PortsPerSubscriber int    `json:"ports_per_subscriber"`
	DynamicPorts       int    `json:"dynamic_ports"` // of an address
	TailPorts          int    `json:"tail_ports"`    // of an address
}

func (s *server) pools(*http.Request) (any, error) {
	plan := s.Daemon.Plan()
	if plan == nil {
		return nil, errNoPlan
	}
	out := struct {
		SHA256 string       `json:"plan_sha256"`
		Pools  []poolAnswer `json:"pools"`
	}{plan.SHA256(), []poolAnswer{}}
	for p := range plan.Pools() {
		out.Pools = append(out.Pools, poolAnswer{
			Name: p.Name(), Realm: p.Realm(), Scheme: p.Scheme().String(), Subscribers: p.Subscribers(), Capacity: p.Capacity(), Addresses: p.Addresses(),
			SharingRatio: p.SharingRatio(), PortsPerSubscriber: p.PortsPerSubscriber(), DynamicPorts: p.DynamicPorts(), TailPorts: p.TailPorts(),
		})
	}
	return out, nil
}

// A subscriberAnswer is what the plan in force gives a subscriber.
type subscriberAnswer struct {
	Subscriber string `json:"subscriber"`
	Realm      string `json:"realm"`
	Pool       string `json:"pool"`
	Outside    string `json:"outside"`
	Ports      string `json:"ports"`
	Count      int    `json:"port_count"`
	SHA256     string `json:"plan_sha256"`
}

func (s *server) subscriber(r *http.Request) (any, error) {
	plan := s.Daemon.Plan()
	if plan == nil {
		return nil, errNoPlan
	}
	addr, err := netip.ParseAddr(r.PathValue("addr"))
	if err != nil || !addr.Is4() {
		return nil, failf(http.StatusBadRequest, "%q is no IPv4 address", r.PathValue("addr"))
	}
	a, err := plan.Lookup(alloc.SubscriberFrom(r.PathValue("realm"), addr))
	switch {
	case errors.Is(err, alloc.ErrNotSubscriber), errors.Is(err, alloc.ErrExcluded):
		return nil, failf(http.StatusNotFound, "%v", err)
	case err != nil:
		return nil, failf(http.StatusBadRequest, "%v; the realms are %q", err, plan.Realms())
	}
	return subscriberAnswer{
		Subscriber: a.Inside().String(), Realm: a.Pool().Realm(), Pool: a.Pool().Name(), Outside: a.Outside().String(),
		Ports: a.Ports().String(), Count: a.Ports().Len(), SHA256: plan.SHA256(),
	}, nil
}

// An epochAnswer is an epoch of the ledger.
type epochAnswer struct {
	Seq       uint64     `json:"seq"`
	From      time.Time  `json:"from"`
	Settled   time.Time  `json:"settled"`
	Until     *time.Time `json:"until"` // null for the last
	Added     time.Time  `json:"added"`
	By        string     `json:"by"`
	Note      string     `json:"note"`
	Backdated bool       `json:"backdated"`
	SHA256    string     `json:"plan_sha256"`
	Hash      string     `json:"hash"`
}

// maxEpochs is how many epochs an answer has: the last ones.
const maxEpochs = 1000

func (s *server) epochs(*http.Request) (any, error) {
	led := s.Daemon.Ledger()
	if led == nil {
		return nil, failf(http.StatusNotFound, "there is no ledger, or it could not be read yet; GET /v1/status says which")
	}
	out := struct {
		Head    string        `json:"head"`
		Records int           `json:"records"`
		Epochs  []epochAnswer `json:"epochs"` // the last 1,000, in the order of recording
	}{led.Head(), led.Len(), []epochAnswer{}}
	for e := range led.Epochs() {
		if led.Len() > maxEpochs && e.Seq <= uint64(led.Len()-maxEpochs) {
			continue
		}
		out.Epochs = append(out.Epochs, ofEpoch(e))
	}
	return out, nil
}

func ofEpoch(e ledger.Epoch) epochAnswer {
	a := epochAnswer{e.Seq, e.From, e.Settled, nil, e.Added, e.By, e.Note, e.Backdated, e.PlanSHA256, e.Hash}
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
