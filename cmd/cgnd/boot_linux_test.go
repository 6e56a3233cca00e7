package main

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/api"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// problemOf returns what a state says of a problem, "" = there is none.
func problemOf(n daemon.Snapshot, code string) string {
	for _, p := range n.Problems {
		if p.Code == code {
			return p.Text
		}
	}
	return ""
}

// awaitLog waits until the log has a text.
func (s *site) awaitLog(text string) {
	s.Helper()
	for end := time.Now().Add(time.Minute); !strings.Contains(s.log.String(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("no %q in the log", text)
		}
	}
}

// TestBoot is a start as after a boot: the kernel has nothing, and the addresses that are listened at are not there yet. Subscribers are
// translated all the same, the daemon says what is missing, and listens when it comes.
func TestBoot(t *testing.T) {
	onBoth(t, func(t *testing.T, backend string) {
		s := newSiteOf(t, backend, "metrics: 10.9.9.9:9742\nlisten: {unix: FOLDER/run/sock, tcp: '10.9.9.9:9743', tokens: FOLDER/tokens, plain: anywhere}\n")
		s.write("plan.yaml", plan(1000))
		_, line, err := api.NewToken("portal", api.Read)
		if err != nil {
			t.Fatal(err)
		}
		s.start()
		s.awaitLog("plan applied")
		transfer := s.startTransfer()
		s.flows(transfer, "without an address")
		if err := os.Mkdir(s.path("run"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(s.path("run/sock"), s.path("sock")); err != nil {
			t.Fatal(err)
		}
		n := s.await("the folder of the socket", func(n daemon.Snapshot) bool {
			return healthy(n) && problemOf(n, "listen") != "" && !strings.Contains(problemOf(n, "listen"), "listen.unix")
		})
		if n.Apply.Way != "first load" {
			t.Errorf("%+v", n.Apply)
		}
		for _, want := range []string{"listen.tcp: ", "tokens: no such file", "metrics: ", "cannot assign requested address"} {
			if !strings.Contains(problemOf(n, "listen"), want) {
				t.Errorf("no %q in %+v", want, n.Problems)
			}
		}
		netnstest.Run(t, s.CGN, "ip", "address", "add", "10.9.9.9/32", "dev", "lo")
		s.write("tokens", line+"\n")
		s.await("the address", func(n daemon.Snapshot) bool { return healthy(n) && problemOf(n, "listen") == "" })
		_, text, err := s.page("10.9.9.9:9742", "/metrics")
		if err != nil || !strings.Contains(text, `cgnkit_problem{code="listen"} 0`+"\n") || !strings.Contains(text, "\ncgnkit_healthy 1\n") {
			t.Errorf("%v\n%s", err, text)
		}
		if code, _, err := s.page("10.9.9.9:9743", "/v1/status"); err != nil || code != 401 {
			t.Error(code, err)
		}
		if got := strings.Count(s.log.String(), "level=WARN msg=\"listen"); got < 1 || got > 4 {
			t.Errorf("%d warnings", got)
		}
		s.flows(transfer, "with an address")
		if err := transfer.Finish(); err != nil {
			t.Error(err)
		}
		if err := s.stop(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(s.path("run/sock")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket is left: %v", err)
		}
	})
}
