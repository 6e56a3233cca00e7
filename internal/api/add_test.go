package api

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/internal/api/form"
)

func TestAddEpoch(t *testing.T) {
	d := &fakeDaemon{}
	var got NewEpoch
	var fails error
	c := serveWith(t, d, func(o *Options) {
		o.AddEpoch = func(en NewEpoch) (form.Added, error) {
			got = en
			return form.Added{Epoch: form.Epoch{Seq: 3, From: en.From, Settled: en.From, By: en.By, Note: en.Note}, Difference: form.Difference{Moved: 2}}, fails
		}
	})
	const future = "/v1/epochs?from=2026-03-01T13:00:00Z"
	code, a := c.ask("POST", future+"&note=why", strings.NewReader("a plan"))
	if code != 201 || a["seq"] != 3.0 || a["difference"].(map[string]any)["moved"] != 2.0 || string(got.Plan) != "a plan" || got.Note != "why" || !strings.HasPrefix(got.By, "uid ") || d.reloads != 1 {
		t.Errorf("%d %v, %+v, %d reloads", code, a, got, d.reloads)
	}
	for path, want := range map[string]int{
		"/v1/epochs": 400, "/v1/epochs?from=2026-03-01T13:00": 400, "/v1/epochs?from=2026-03-01T13:00Z": 400, "/v1/epochs?from=x": 400,
		future + "&from=2026-03-01T13:00:00Z": 400, future + "&x=y": 400,
		"/v1/epochs?from=2026-03-01T12:00:00Z": 409, "/v1/epochs?from=2026-03-01T11:00:00Z": 409,
	} {
		if code, a := c.ask("POST", path, strings.NewReader("a plan")); code != want {
			t.Errorf("%s: %d %v, want %d", path, code, a, want)
		}
	}
	if code, a := c.ask("POST", future, bytes.NewReader(make([]byte, maxPlan+1))); code != 413 {
		t.Error(code, a)
	}
	for _, f := range []struct {
		err  error
		want int
	}{{ErrPlan, 400}, {ledger.ErrText, 400}, {ledger.ErrBefore, 409}, {ledger.ErrLocked, 409}, {errors.New("disk full"), 503}} {
		fails = fmt.Errorf("wrapped: %w", f.err)
		if code, a := c.ask("POST", future, strings.NewReader("x")); code != f.want || !strings.HasPrefix(fmt.Sprint(a["error"]), "nothing was recorded") {
			t.Errorf("%v: %d %v, want %d", f.err, code, a, f.want)
		}
	}
	if d.reloads != 1 {
		t.Errorf("%d reloads", d.reloads)
	}
}

func TestAddWithoutLedger(t *testing.T) {
	c := serve(t, &fakeDaemon{})
	if code, a := c.ask("POST", "/v1/epochs?from=2026-03-01T13:00:00Z", strings.NewReader("x")); code != 409 {
		t.Error(code, a)
	}
}
