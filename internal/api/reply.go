package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/cgnkit/cgnkit/internal/api/form"
	"github.com/cgnkit/cgnkit/internal/gate"
)

// Slow is the reason for closing a connection whose client does not take its answer.
const Slow gate.Reason = "slow"

// A failure is an error with a status of HTTP.
type failure struct {
	code  int
	text  string
	allow string // the methods that there are, with 405
	retry bool   // in a moment
	end   bool   // of the connection
}

func (f *failure) Error() string { return f.text }

func failf(code int, format string, args ...any) *failure {
	return &failure{code: code, text: fmt.Sprintf(format, args...)}
}

// busy is a failure that is over in a moment.
func busy(format string, args ...any) *failure {
	f := failf(http.StatusServiceUnavailable, format, args...)
	f.retry = true
	return f
}

// A reply is an answer or a refusal, ready to be sent.
type reply struct {
	failure // code is that of an answer, too
	body    []byte
}

// answered returns the reply that has an answer.
func answered(code int, answer any) reply {
	b, err := json.Marshal(answer)
	if err != nil {
		return refused(failf(http.StatusInternalServerError, "the answer cannot be encoded"))
	}
	return reply{failure{code: code}, append(b, '\n')}
}

// refused returns the reply that says why not.
func refused(err error) reply {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		f = failf(http.StatusInternalServerError, "%v", err)
	}
	out := answered(f.code, form.Refusal{Error: f.text})
	out.failure = *f
	return out
}

// send sends a reply in the time that it has. What the reply was made with has been given back: a client that does not read
// holds nothing but its connection and the reply, and of these all together have a bound.
func (s *server) send(w http.ResponseWriter, from link, who string, a reply) {
	if n := len(a.body); s.unsent.try(who, n) {
		defer s.unsent.give(who, n)
	} else {
		f := busy("too many answers wait for their readers")
		f.end = true
		a = refused(f) // which is so short that it does not count
	}
	if s.Count != nil {
		s.Count(a.code)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if a.code == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="cgnd"`)
	}
	if a.allow != "" {
		h.Set("Allow", a.allow)
	}
	if a.retry {
		h.Set("Retry-After", "1")
	}
	if a.end {
		h.Set("Connection", "close")
	}
	c := http.NewResponseController(w)
	_ = c.SetWriteDeadline(time.Now().Add(s.sendTime(len(a.body)))) // a recorder of a test has none
	w.WriteHeader(a.code)
	_, err := w.Write(a.body)
	if err == nil {
		err = c.Flush()
	}
	if a.end {
		gate.Last(from.conn)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && s.Dropped != nil {
		s.Dropped(Slow) // and package http closes it
	}
}

// slowest is how many bytes a second a client has to take of a long answer.
const slowest = 64 << 10

// sendTime is how long a client may take for so many bytes.
func (s *server) sendTime(n int) time.Duration {
	return s.times.write + time.Duration(n/slowest)*time.Second
}
