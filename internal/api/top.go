package api

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/api/form"
	"github.com/cgnkit/cgnkit/internal/metrics"
)

var topKeys = []string{"by", "n"}

const defaultTop = 20

// top says who uses most.
func (s *server) top(r *http.Request) (any, error) {
	order, n, err := parseTop(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	plan := s.Daemon.Plan()
	if plan == nil {
		return nil, errNoPlan
	}
	usage := s.usage(plan)
	switch {
	case usage == nil:
		return nil, failf(http.StatusServiceUnavailable, "who uses how much of this plan was not read yet: ask again in a minute")
	case order == metrics.BySessions && !usage.HasSessions:
		return nil, failf(http.StatusBadRequest, "by: this backend does not know sessions")
	}
	out := form.Top{By: order.String(), Taken: usage.Taken.UTC(), Took: usage.Took.Nanoseconds(), SHA256: plan.SHA256(), Top: []form.TopMember{}}
	most := usage.Most(order)
	for i, u := range most[:min(n, len(most))] {
		m := form.TopMember{
			Rank: i + 1, Subscriber: u.Share.Inside().String(), Realm: u.Share.Pool().Realm(), Pool: u.Share.Pool().Name(), Outside: u.Share.Outside().String(),
			Owned: uint64(u.Share.Ports().Len()), Used: form.Protocols(u.Ports), Mappings: form.Protocols(u.Mappings),
		}
		if usage.HasSessions {
			m.Sessions = new(form.Protocols(u.Sessions))
		}
		out.Top = append(out.Top, m)
	}
	return out, nil
}

// usage returns the last reading, or nil: before the first, and when it was of another plan.
func (s *server) usage(plan *alloc.Plan) *metrics.Usage {
	if s.Kernel == nil {
		return nil
	}
	if u := s.Kernel.Usage(); u != nil && u.Plan == plan {
		return u
	}
	return nil
}

// parseTop reads a query.
func parseTop(query string) (order metrics.Order, n int, err error) {
	v, err := parseQuery(query, topKeys)
	if err != nil {
		return 0, 0, err
	}
	order, n = metrics.ByPorts, defaultTop
	if v.Has("by") {
		var ok bool
		if order, ok = metrics.ParseOrder(v.Get("by")); !ok {
			return 0, 0, failf(http.StatusBadRequest, "by: %q is none of %s", v.Get("by"), strings.Join(metrics.Orders, ", "))
		}
	}
	if v.Has("n") {
		if n, err = strconv.Atoi(v.Get("n")); err != nil || n < 1 || n > metrics.MaxTop {
			return 0, 0, failf(http.StatusBadRequest, "n: %q is no number from 1 to %d", v.Get("n"), metrics.MaxTop)
		}
	}
	return order, n, nil
}

// parseQuery reads a query that has each of some keys at most once.
func parseQuery(query string, keys []string) (url.Values, error) {
	v, err := url.ParseQuery(query)
	if err != nil {
		return nil, failf(http.StatusBadRequest, "the query is not well-formed: %v", err)
	}
	for key, all := range v {
		if !slices.Contains(keys, key) || len(all) != 1 {
			return nil, failf(http.StatusBadRequest, "%q: want each of %s at most once", key, strings.Join(keys, ", "))
		}
	}
	return v, nil
}
