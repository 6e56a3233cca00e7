package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// A site is a network with a CGN that cgnd looks after.
type site struct {
	*testing.T
	*netns.Topology
	folder string
	config string
	do     func(fn func() error) error // in the CGN
	cmd    *exec.Cmd
	log    *logBuffer
	env    []string // more of it
	prefix []string // what runs it
	self   string   // the binary, "" = this one
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Reset forgets what was logged.
func (l *logBuffer) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}

// newSite returns a site whose configuration is some lines of YAML, in which FOLDER stands for its folder, and what every site has.
func newSite(t *testing.T, top *netns.Topology, lines string) *site {
	t.Helper()
	s := &site{T: t, Topology: top, folder: t.TempDir(), do: top.CGN.Do}
	if !strings.Contains(lines, "ledger:") {
		lines += "plan: FOLDER/plan.yaml\n"
	}
	if !strings.Contains(lines, "listen:") {
		lines += "listen: {unix: FOLDER/sock}\n"
	}
	lines += "audit: FOLDER/audit.jsonl\nlog: {level: debug}\n"
	s.config = s.write("cgnd.yaml", strings.ReplaceAll(lines, "FOLDER", s.folder))
	return s
}

func (s *site) path(name string) string { return filepath.Join(s.folder, name) }

func (s *site) write(name, text string) string {
	s.Helper()
	// In one step, as an editor or a deployment does it.
	if err := os.WriteFile(s.path(name+".new"), []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	if err := os.Rename(s.path(name+".new"), s.path(name)); err != nil {
		s.Fatal(err)
	}
	return s.path(name)
}

// start starts cgnd in the namespace of the CGN.
func (s *site) start() {
	s.Helper()
	self := s.self
	if self == "" {
		var err error
		if self, err = os.Executable(); err != nil {
			s.Fatal(err)
		}
	}
	s.log = &logBuffer{}
	args := append(slices.Clone(s.prefix), self, "-c", s.config)
	s.cmd = exec.Command(args[0], args[1:]...)
	s.cmd.Env = append(append(os.Environ(), asDaemon+"=1", "RUNTIME_DIRECTORY="+s.folder), s.env...)
	s.cmd.Stderr = s.log
	if err := s.do(s.cmd.Start); err != nil {
		s.Fatal(err)
	}
	cmd := s.cmd
	s.Cleanup(func() { // of this one, whatever was started since
		if cmd.Process.Kill() == nil {
			_ = cmd.Wait()
		}
		if s.Failed() {
			s.Logf("log of cgnd:\n%s", s.log)
		}
	})
}

// stop ends cgnd with a signal, and returns how.
func (s *site) stop(sig syscall.Signal) error {
	s.Helper()
	cmd := s.cmd
	s.cmd = nil
	if err := cmd.Process.Signal(sig); err != nil {
		s.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(20 * time.Second):
		_ = cmd.Process.Kill()
		s.Fatalf("cgnd did not end after %v", sig)
		return nil
	}
}

// get asks the API.
func (s *site) get(path string, into any) error { return s.ask("GET", path, "", into) }

// ask sends a request to the API.
func (s *site) ask(method, path, body string, into any) error {
	c := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", s.path("sock"))
		},
	}}
	q, err := http.NewRequest(method, "http://cgnd"+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	r, err := c.Do(q)
	if err != nil {
		return err
	}
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if r.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s: %s", r.Status, b)
	}
	return json.Unmarshal(b, into)
}

// await waits until the state is as it should be.
func (s *site) await(what string, is func(daemon.Snapshot) bool) daemon.Snapshot {
	s.Helper()
	var last daemon.Snapshot
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		last = daemon.Snapshot{}
		if err = s.get("/v1/status", &last); err == nil && is(last) {
			return last
		}
	}
	s.Fatalf("%s: it did not come to that: %+v, %v", what, last, err)
	return last
}

func healthy(s daemon.Snapshot) bool { return s.Ready && s.Healthy && s.Doing != "apply" }

// signalled reports whether a process ended by a signal.
func signalled(err error, sig syscall.Signal) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	return ok && exit.Sys().(syscall.WaitStatus).Signal() == sig
}

const planText = `version: 1
pools:
  - name: a
    inside: [100.64.0.0/24]
    outside: [192.0.2.0/28]
    ports-per-subscriber: %d
`

func plan(ports int) string { return fmt.Sprintf(planText, ports) }
