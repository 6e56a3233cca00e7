package api

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// A caller is who asks: a process that the kernel names, or the holder of a token.
type caller struct {
	role   Role
	peer   Peer
	token  string // the name of a token, "" on a unix socket
	remote string // address and port on TCP
}

type callerKey struct{}

func withCaller(ctx context.Context, c caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller) // nobody is the zero caller
	return c
}

// String names the caller for a log or a ledger; "" = the kernel does not say.
func (c caller) String() string {
	switch {
	case c.token != "":
		return "token " + c.token
	case c.peer.Known:
		return fmt.Sprintf("uid %d", c.peer.UID)
	}
	return ""
}

// key tells callers apart: each has its own part of what there is.
func (c caller) key() string {
	if s := c.String(); s != "" {
		return s
	}
	return "somebody"
}

// identify finds out who asks. The error is a failure.
func (s *server) identify(r *http.Request) (caller, error) {
	if s.Credentials == nil {
		c := caller{role: Trace, peer: linkOf(r.Context()).peer}
		if c.peer.admin() {
			c.role = Admin
		}
		return c, nil
	}
	name, role, ok := s.Credentials.identify(r)
	if !ok {
		if told := s.unknown.pass(s.Now()); told > 0 {
			s.Log.Warn("refused: no valid token", "remote", r.RemoteAddr, "times", told)
		}
		f := failf(http.StatusUnauthorized, "want a valid token: Authorization: Bearer TOKEN")
		f.end = true
		return caller{}, f
	}
	return caller{role: role, token: name, remote: r.RemoteAddr}, nil
}

// admit reports with a failure that a role is too low.
func (s *server) admit(who caller, r *http.Request, want Role) error {
	if who.role >= want {
		return nil
	}
	if told := s.denied.pass(s.Now()); told > 0 {
		s.Log.Warn("refused: another role is wanted", "path", r.URL.Path, "want", want, "who", who.String(), "pid", who.peer.PID, "remote", who.remote, "times", told)
	}
	f := failf(http.StatusForbidden, "token %s has role %v, and that takes %v", who.token, who.role, want)
	if s.Credentials == nil {
		f = failf(http.StatusForbidden, "only root and the user of the daemon may do that")
	}
	f.end = true
	return f
}

// A quiet keeps somebody who is refused from filling the log.
type quiet struct {
	mu    sync.Mutex
	last  time.Time
	times int
}

// quietFor is how long nothing more is said.
const quietFor = time.Second

// pass returns how often it has happened since it was said last, or 0 when that was a moment ago.
func (q *quiet) pass(now time.Time) (times int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.times++
	if now.Sub(q.last).Abs() < quietFor {
		return 0
	}
	times, q.times, q.last = q.times, 0, now
	return times
}
