package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cgnkit/cgnkit/internal/alarm"
)

// A Build is the release that runs.
type Build struct{ Version, Revision, GoVersion string }

// Bounds of what one scrape may have, whatever the Source says.
const (
	// MaxPools is how many pools have series of their own: the first ones of the plan. The others are added up as OtherPools.
	MaxPools = 100
	// OtherPools is no name that a pool can have.
	OtherPools = "_others"
	maxRows    = 256 // of packet counters, refusals, maps, interfaces
)

// A Collector turns the Source's Snapshot into metrics. It implements prometheus.Collector, and is safe for several goroutines.
type Collector struct {
	source Source
	build  Build
	now    func() time.Time
}

// NewCollector returns a Collector.
func NewCollector(source Source, build Build) *Collector {
	return &Collector{source: source, build: build, now: time.Now}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	for _, s := range sections {
		for _, f := range s.families {
			to <- f.desc
		}
	}
}

// Collect implements prometheus.Collector. It takes time linear in the pools, not in subscribers, and asks nobody but the Source.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	e := &emitter{to: to, seen: map[string]bool{}}
	e.number(buildInfo, 1, c.build.Version, c.build.Revision, c.build.GoVersion)
	s := c.source.Snapshot()
	if s == nil {
		return
	}
	e.number(instanceInfo, 1, s.Instance, s.Backend)
	if s.PlanSHA256 != "" {
		e.number(planInfo, 1, s.PlanSHA256)
	}
	e.yes(healthy, s.Healthy)
	for _, p := range first(s.Problems, maxRows) {
		e.yes(problem, p.Is, p.Code)
	}
	e.ledger(s)
	e.pools(s)
	e.usage(s, c.now())
	e.packets(s)
	e.kernel(s)
	e.tables(s)
	e.alarms(s)
	e.instant(certificateEnd, s.CertificateEnd)
	for _, r := range first(s.Requests, maxRows) {
		e.count(apiRequests, r.Count, r.Listener, r.Code)
	}
	for _, d := range first(s.Dropped, maxRows) {
		e.count(droppedConnections, d.Count, d.Listener, d.Reason)
	}
}

func (e *emitter) ledger(s *Snapshot) {
	if p := s.Epoch; p != nil {
		e.count(epochInForce, p.InForce)
		e.count(epochDue, p.Due)
		e.instant(epochFrom, p.From)
		e.instant(epochNext, p.Next)
	}
	if l := s.Ledger; l != nil {
		if l.Head != "" {
			e.number(ledgerInfo, 1, l.Head)
		}
		e.count(ledgerRecords, l.Records)
		e.yes(ledgerOK, l.Readable)
		e.instant(ledgerRead, l.ReadAt)
	}
}

func (e *emitter) pools(s *Snapshot) {
	for _, p := range bounded(s.Pools) {
		e.count(poolSubscribers, p.Subscribers, p.Name)
		e.count(poolCapacity, p.Capacity, p.Name)
		e.count(poolAddresses, p.Addresses, p.Name)
		e.number(poolSharing, float64(p.SharingRatio), p.Name)
		e.count(poolOwned, p.OwnedPorts, p.Name)
		e.count(poolDynamic, p.DynamicPorts, p.Name)
		e.count(poolTail, p.TailPorts, p.Name)
	}
}

// bounded adds up the pools beyond MaxPools. The sharing ratio of these is that of the one where it is highest.
func bounded(pools []Pool) []Pool {
	if len(pools) <= MaxPools {
		return pools
	}
	others := Pool{Name: OtherPools}
	for _, p := range pools[MaxPools:] {
		others.Subscribers += p.Subscribers
		others.Capacity += p.Capacity
		others.Addresses += p.Addresses
		others.SharingRatio = max(others.SharingRatio, p.SharingRatio)
		others.OwnedPorts += p.OwnedPorts
		others.DynamicPorts += p.DynamicPorts
		others.TailPorts += p.TailPorts
	}
	return append(pools[:MaxPools:MaxPools], others)
}

// boundedUse adds up what the pools beyond MaxPools use.
func boundedUse(pools []PoolUsage) []PoolUsage {
	if len(pools) <= MaxPools {
		return pools
	}
	others := PoolUsage{Name: OtherPools}
	for i := range pools[MaxPools:] {
		p := &pools[MaxPools+i]
		others.Ports, others.Mappings, others.Sessions = others.Ports.plus(p.Ports), others.Mappings.plus(p.Mappings), others.Sessions.plus(p.Sessions)
		others.Subscribers.merge(p.Subscribers)
		others.Addresses.merge(p.Addresses)
	}
	return append(pools[:MaxPools:MaxPools], others)
}

func (e *emitter) usage(s *Snapshot, now time.Time) {
	e.count(usageErrors, s.UsageErrors)
	u := s.Usage
	if u == nil {
		return
	}
	e.seconds(usageAge, max(0, now.Sub(u.Taken)))
	e.seconds(usageTook, u.Took)
	owned := map[string]uint64{}
	for _, p := range bounded(s.Pools) {
		owned[p.Name] = p.OwnedPorts
	}
	for _, p := range boundedUse(u.Pools) {
		e.protocols(poolUsed, p.Ports, p.Name)
		e.protocols(poolMappings, p.Mappings, p.Name)
		if u.HasSessions {
			e.protocols(poolSessions, p.Sessions, p.Name)
		}
		if n, ok := owned[p.Name]; ok { // not so for a moment after the plan has changed
			e.protocols(poolFree, Protocols{n - min(n, p.Ports.TCP), n - min(n, p.Ports.UDP), n - min(n, p.Ports.ICMP)}, p.Name)
		}
		e.histogram(subscriberUse, &p.Subscribers, p.Name)
		e.histogram(addressUse, &p.Addresses, p.Name)
	}
	for _, t := range first(u.Top, MaxTop) {
		e.count(topUse, t.Ports, t.Pool, t.Subscriber.Realm, t.Subscriber.Addr().String())
	}
}

func (e *emitter) packets(s *Snapshot) {
	for _, p := range first(s.Packets, maxRows) {
		e.count(packets, p.Packets, p.Result, p.Reason)
		e.count(packetBytes, p.Bytes, p.Result, p.Reason)
	}
	if n := s.NewMappings; n != nil {
		e.count(newMappings, n.TCP, "tcp")
		e.count(newMappings, n.UDP, "udp")
		e.count(newMappings, n.ICMP, "icmp")
	}
	for _, r := range first(s.Refusals, maxRows) {
		e.count(exhaustion, r.Count, r.Kind)
	}
	e.maybe(lostEvents, s.LostEvents)
}

func (e *emitter) kernel(s *Snapshot) {
	e.count(applies, s.Apply.Succeeded, "success")
	e.count(applies, s.Apply.Failed, "failure")
	if !s.Apply.At.IsZero() {
		e.instant(applyAt, s.Apply.At)
		e.seconds(applyTook, s.Apply.Took)
	}
	if s.Apply.Succeeded+s.Apply.Failed > 0 {
		e.yes(applyOK, s.Apply.OK)
	}
	e.count(verifies, s.Verify.Equal, "equal")
	e.count(verifies, s.Verify.Different, "different")
	e.count(verifies, s.Verify.Failed, "failure")
	if !s.Verify.At.IsZero() {
		e.instant(verifyAt, s.Verify.At)
		e.seconds(verifyTook, s.Verify.Took)
		e.count(verifyDiffs, s.Verify.Differences)
	}
	if s.Verify.Equal+s.Verify.Different+s.Verify.Failed > 0 {
		e.yes(verifyOK, s.Verify.OK)
	}
	if !s.Drift.At.IsZero() {
		e.instant(driftAt, s.Drift.At)
		e.count(driftNow, s.Drift.Differences)
	}
	e.count(drifts, s.Drift.Noticed)
	e.count(repairs, s.Drift.Repaired, "success")
	e.count(repairs, s.Drift.Failed, "failure")
	for _, i := range first(s.Interfaces, maxRows) {
		e.yes(interfaceUp, i.Up, i.Name, i.Side)
	}
}

func (e *emitter) tables(s *Snapshot) {
	if c := s.Conntrack; c != nil {
		e.count(conntrackEntries, c.Entries)
		e.count(conntrackLimit, c.Limit)
		e.count(conntrackLost, c.Dropped, "dropped")
		e.count(conntrackLost, c.EarlyDropped, "early_drop")
		e.count(conntrackLost, c.InsertsFailed, "insert_failed")
	}
	for _, m := range first(s.Maps, maxRows) {
		e.count(mapEntries, m.Entries, m.Name)
		e.count(mapCapacity, m.Capacity, m.Name)
	}
	e.maybe(mapBytes, s.MapBytes)
}

func (e *emitter) alarms(s *Snapshot) {
	for _, l := range alarm.Levels {
		c := [...]alarm.Counts{alarm.Pool: s.Alarms.Pool, alarm.Address: s.Alarms.Address, alarm.Subscriber: s.Alarms.Subscriber}[l]
		e.count(alarms, c.Active, l.String())
		e.count(alarmsRaised, c.Raised, l.String())
		e.count(alarmsCleared, c.Cleared, l.String())
		e.count(alarmsSuppressed, c.Suppressed, l.String())
		e.count(alarmsMissed, c.Missed, l.String())
	}
}

// first returns the first n of s, or all.
func first[T any](s []T, n int) []T { return s[:min(len(s), n)] }
