package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/api/form"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/metrics"
)

// subscriber says what a subscriber has, what it uses of that, and what is to be thought of it.
func (s *server) subscriber(r *http.Request) (any, error) {
	has := s.Daemon.Holding()
	plan := has.Plan
	if plan == nil {
		return nil, errNoPlan
	}
	now, err := parseNow(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	prefix, err := parseSubscriber(r.PathValue("addr"))
	if err != nil {
		return nil, err
	}
	who := alloc.Subscriber{Realm: r.PathValue("realm"), Prefix: prefix}
	share, err := plan.Lookup(who)
	switch {
	case errors.Is(err, alloc.ErrNotSubscriber), errors.Is(err, alloc.ErrExcluded):
		return nil, failf(http.StatusNotFound, "%s in realm %s: %v", who.Text(), who.Realm, err)
	case err != nil:
		return nil, failf(http.StatusBadRequest, "%v; the realms are %q", err, plan.Realms())
	}
	out := form.Subscriber{
		Subscriber: share.Subscriber().Text(), Realm: share.Pool().Realm(), Pool: share.Pool().Name(), Outside: outsideOf(share),
		Ports: share.Ports().String(), Count: share.Ports().Len(), SHA256: plan.SHA256(),
	}
	if kind := share.Pool().Kind(); kind != alloc.NAT44 {
		out.Verdict, out.Summary = form.Unknown, fmt.Sprintf("The subscriber's own router translates (%v): what it uses of these ports is known there only.", kind)
		out.Action = "Look at the router, and whether it has what is above."
		return out, nil
	}
	use, err := s.use(r.Context(), share, now)
	if err == nil {
		out.Usage, out.Refusals = usageOf(use), use.Refusals
	}
	judge(&out, s.Daemon.Snapshot(), err, s.Now())
	if has.Other != nil && !sameShare(has.Other, share) {
		out.Verdict, out.Summary, out.Action = form.NotEnforced, "Address and ports change: "+otherText(has)+".", "Ask again in a moment."
	}
	return out, nil
}

// sameShare reports whether another plan gives a subscriber the same address and ports.
func sameShare(other *alloc.Plan, share alloc.Allocation) bool {
	o, err := other.Lookup(share.Subscriber())
	return err == nil && outsideOf(o) == outsideOf(share) && o.Ports().String() == share.Ports().String()
}

// parseSubscriber reads an inside IPv4 address, or an end-user IPv6 prefix or anything in it.
func parseSubscriber(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if a, one := netip.ParseAddr(text); one == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	if err != nil || !p.Addr().Is6() || p != p.Masked() {
		return p, failf(http.StatusBadRequest, "%q is no IPv4 address, and no IPv6 address or prefix; in a path write %%2F for the slash", text)
	}
	return p, nil
}

// outsideOf returns the outside address of a share, or the prefix where MAP gives several.
func outsideOf(share alloc.Allocation) string {
	if p := share.OutsidePrefix(); !p.IsSingleIP() {
		return p.String()
	}
	return share.Outside().String()
}

var subscriberKeys = []string{"now"}

// parseNow reads a query.
func parseNow(query string) (now bool, err error) {
	v, err := parseQuery(query, subscriberKeys)
	if err != nil {
		return false, err
	}
	switch text := v.Get("now"); {
	case !v.Has("now") || text == "false":
		return false, nil
	case text == "true":
		return true, nil
	default:
		return false, failf(http.StatusBadRequest, "now: %q is neither true nor false", text)
	}
}

var errNoKernel = fmt.Errorf("%w: this daemon does not read it", ErrUnknown)

func (s *server) use(ctx context.Context, share alloc.Allocation, now bool) (Use, error) {
	if s.Kernel == nil {
		return Use{}, errNoKernel
	}
	ctx, cancel := context.WithTimeout(ctx, useTime)
	defer cancel()
	return s.Kernel.Use(ctx, share, now)
}

// usageOf returns a use as it is answered.
func usageOf(u Use) *form.Usage {
	owned := uint64(u.Share.Ports().Len())
	out := &form.Usage{Taken: u.Taken.UTC(), Now: u.Now}
	for _, p := range []struct {
		name string
		of   func(metrics.Protocols) uint64
	}{
		{"tcp", func(p metrics.Protocols) uint64 { return p.TCP }},
		{"udp", func(p metrics.Protocols) uint64 { return p.UDP }},
		{"icmp", func(p metrics.Protocols) uint64 { return p.ICMP }},
	} {
		one := form.ProtocolUsage{Protocol: p.name, Owned: owned, Limit: owned, Used: p.of(u.Ports), Mappings: p.of(u.Mappings)}
		if l := p.of(u.Limit); l > 0 {
			one.Limit = min(l, owned)
		}
		if u.HasSessions {
			one.Sessions = new(p.of(u.Sessions))
		}
		out.Protocols = append(out.Protocols, one)
	}
	return out
}

const (
	nearPercent = 90              // of its ports or mappings: the threshold of alarms
	refusedFor  = 5 * time.Minute // how long a refusal counts
)

// judge says what is to be thought of a subscriber. unread is why its use cannot be read.
func judge(a *form.Subscriber, daemon *daemon.Snapshot, unread error, now time.Time) {
	if why := notEnforced(a, daemon); why != "" {
		a.Verdict, a.Summary = form.NotEnforced, why
		a.Action = "This is not the subscriber's: look at cgnctl status, and tell who runs the NAT."
		return
	}
	if unread != nil {
		a.Verdict, a.Summary = form.Unknown, "The kernel follows the plan; "+unread.Error()+"."
		a.Action = "Ask again in a minute. Address and ports above are right."
		return
	}
	most := fullest(a.Usage)
	var refused form.Refusals
	if a.Refusals != nil {
		refused = *a.Refusals
	}
	switch {
	case most.Used >= most.Owned || within(refused.LastExhausted, now):
		fails := "new connections fail"
		if most.Used < most.Owned {
			fails = "some are free now, and a moment ago a connection found none, of this or another protocol, or by another plan"
		} else if most.Sessions != nil { // ports are used once more for other destinations
			fails = "new connections to destinations that many of these go to fail"
		}
		a.Verdict, a.Summary = form.Exhausted, fmt.Sprintf("%d of %d %s ports are in use: %s%s.", most.Used, most.Owned, most.Protocol, fails, lately("exhausted", refused.LastExhausted, now))
		a.Action = "Have the subscriber's devices looked at: malware, peer-to-peer, a port scan. If all of it is wanted, it needs more ports: another pool, or more ports per subscriber."
	case within(refused.Last, now) || most.Mappings >= most.Limit:
		a.Verdict, a.Summary = form.Limited, fmt.Sprintf("The policy of the pool holds the subscriber back: %d of %d %s mappings%s.", most.Mappings, most.Limit, most.Protocol, lately(refused.LastKind, refused.Last, now))
		a.Action = "Have the subscriber's devices looked at: malware, peer-to-peer, a port scan. The limits are in the policy file."
	case most.Mappings*100 >= most.Limit*nearPercent || most.Used*100 >= most.Owned*nearPercent:
		a.Verdict, a.Summary = form.NearLimit, fmt.Sprintf("%d of %d %s ports are in use: soon new connections will fail.", most.Used, min(most.Owned, most.Limit), most.Protocol)
		a.Action = "Nothing fails yet. Have the subscriber's devices looked at if this stays so."
	case most.Used == 0:
		a.Verdict, a.Summary = form.Idle, "No port is in use: no connection of the subscriber reaches the NAT."
		a.Action = "If the subscriber is trying, look before the NAT: line, session, address, route."
	default:
		a.Verdict, a.Summary = form.Healthy, fmt.Sprintf("%d of %d %s ports are in use, and of other protocols %s.", most.Used, most.Owned, most.Protocol, others(a.Usage, most))
		a.Action = "Nothing is wrong here: look beyond the NAT, or at the subscriber's own network."
	}
}

// within reports whether something was so short a time ago that it counts.
func within(at *time.Time, now time.Time) bool { return at != nil && now.Sub(*at) < refusedFor }

// others says how much of other protocols is used than of the one of which it is most.
func others(u *form.Usage, most form.ProtocolUsage) string {
	for _, p := range u.Protocols {
		if p.Protocol != most.Protocol && p.Used >= most.Used {
			return "as many, or less"
		}
	}
	return "less"
}

// notEnforced says why the kernel may not have what the plan says, "" = it has.
func notEnforced(a *form.Subscriber, s *daemon.Snapshot) string {
	if s.InForce != a.SHA256 {
		return "The kernel does not have the plan that gives the subscriber these ports."
	}
	for _, p := range s.Problems {
		switch p.Code {
		case "drift", "kernel", "verify":
			return "The kernel may not have what the plan says: " + p.Text + "."
		}
	}
	return ""
}

// fullest returns the protocol of which the subscriber has used most of what it may have.
func fullest(u *form.Usage) form.ProtocolUsage {
	most := u.Protocols[0]
	for _, p := range u.Protocols[1:] {
		if p.Used*most.Limit > most.Used*p.Limit {
			most = p
		}
	}
	return most
}

// lately says when a mapping was refused last, "" where that does not count.
func lately(kind string, at *time.Time, now time.Time) string {
	if !within(at, now) {
		return ""
	}
	return fmt.Sprintf("; the last refusal (%s) was %v ago", kind, now.Sub(*at).Round(time.Second))
}
