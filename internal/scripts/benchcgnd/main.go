//go:build linux

// Command benchcgnd measures cgnd with a million subscribers and each backend, in network namespaces of its own: what it takes
// when nothing happens, a scrape, a reload of an unchanged ledger, and cgnctl sub, which is to be beside it. See make bench-cgnd.
package main

import (
	"bufio"
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
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/nat44"
)

// The limits are those of the daemon's issue: what takes more ends the command with an error.
const (
	maxIdle   = 1.0 // per cent of a core
	maxRSS    = 150 // MiB
	maxScrape = 50 * time.Millisecond
	maxReload = 100 * time.Millisecond
	maxSub    = 20 * time.Millisecond

	settle  = 20 * time.Second // after the start, what was to be looked at once is over
	watch   = 2 * time.Minute
	scrapes = 50
	reloads = 20
	subs    = 50
)

// A setup is a backend, and a plan of a million subscribers for it. A share has 63 ports with XDP, because every outside address takes
// 3 MiB there: it is 1,000 addresses then. The list is of addresses that are not beside each other, the most that a plan takes.
type setup struct{ name, backend, lines, plan string }

var setups = []setup{
	{"nftables", "nftables", "", "{name: a, inside: [100.64.0.0-100.79.66.63], outside: [192.0.0.0/18], ports-per-subscriber: 1000}"},
	{"list", "nftables", "", "{name: a, inside: [{file: list.txt}], outside: [192.0.0.0/18], ports-per-subscriber: 1000}"},
	{"xdp", "xdp", "backend: xdp\ninterfaces: {inside: [inside], outside: [outside]}\n",
		"{name: a, inside: [100.64.0.0-100.79.66.63], outside: [198.18.0.0/22], ports-per-subscriber: 63}"},
}

func main() {
	var errs []error
	for _, s := range setups {
		if len(os.Args) < 3 || slices.Contains(os.Args[2:], s.name) {
			errs = append(errs, s.bench(os.Args[1]))
		}
	}
	if err := errors.Join(errs...); err != nil {
		fmt.Fprintln(os.Stderr, "benchcgnd:", err)
		os.Exit(1)
	}
}

// A run is a cgnd that is measured.
type run struct {
	top    *netns.Topology
	folder string
	cgnctl string
	cmd    *exec.Cmd
	errs   []error
}

func (s setup) bench(cgnd string) (err error) {
	r := &run{cgnctl: filepath.Join(filepath.Dir(cgnd), "cgnctl")}
	if r.folder, err = os.MkdirTemp("", "cgnd-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(r.folder)
	if r.top, err = netns.NewTopology(netns.Options{Switches: s.backend == "xdp"}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.top.Close()) }()
	if s.backend == "xdp" {
		defer func() { err = errors.Join(err, r.top.CGN.Do(func() error { return ebpf.Remove("") })) }()
	}
	config := s.lines + "ledger: FOLDER/ledger.jsonl\naudit: FOLDER/audit\nlisten: {unix: FOLDER/sock}\nmetrics: 127.0.0.1:9742\nlog: {level: error}\n"
	for name, text := range map[string]string{
		"plan.yaml": "version: 1\npools:\n  - " + s.plan + "\n", "list.txt": scattered(), "cgnd.yaml": strings.ReplaceAll(config, "FOLDER", r.folder),
	} {
		if err := os.WriteFile(filepath.Join(r.folder, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if out, err := exec.Command(r.cgnctl, "ledger", "add", "-c", filepath.Join(r.folder, "plan.yaml"), "--ledger", filepath.Join(r.folder, "ledger.jsonl")).CombinedOutput(); err != nil {
		return fmt.Errorf("cgnctl ledger add: %w: %s", err, out)
	}
	r.cmd = exec.Command(cgnd, "-c", filepath.Join(r.folder, "cgnd.yaml"))
	r.cmd.Env, r.cmd.Stderr = append(os.Environ(), "RUNTIME_DIRECTORY="+r.folder), os.Stderr
	if err := r.top.CGN.Do(r.cmd.Start); err != nil {
		return err
	}
	defer func() {
		_ = r.cmd.Process.Signal(syscall.SIGTERM)
		err = errors.Join(err, r.cmd.Wait())
	}()
	if err := r.measure(s.name); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return errors.Join(r.errs...)
}

// scattered returns a million addresses, every fourth of a prefix.
func scattered() string {
	var b strings.Builder
	for n := range uint32(1_000_000) {
		n = 4*n + 3
		fmt.Fprintf(&b, "100.%d.%d.%d\n", 64+n>>16, n>>8&0xff, n&0xff)
	}
	return b.String()
}

func (r *run) measure(name string) error {
	first, err := r.await(func(s daemon.Snapshot) bool { return s.Healthy && s.Doing == "" })
	if err != nil {
		return err
	}
	fmt.Printf("%-9s first load %.2f s, comparison %.2f s\n", name, first.Apply.Took.Seconds(), first.Verify.Took.Seconds())
	time.Sleep(settle)
	if err := r.idle(name, first); err != nil {
		return err
	}
	if err := r.scrape(name); err != nil {
		return err
	}
	if err := r.sub(name); err != nil {
		return err
	}
	return r.reload(name)
}

// sub measures the support desk's question, from the start of the command to its end, and how much of that the daemon takes. The first time the
// system may have to read the command from disk, which says nothing about either: that is told, and does not count.
func (r *run) sub(name string) error {
	var all, own []time.Duration
	for n := range subs + 1 {
		who := fmt.Sprintf("100.%d.%d.7", 64+n%15, n)
		cmd := exec.Command(r.cgnctl, "sub", who, "--socket", filepath.Join(r.folder, "sock"))
		begun := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w: %s", cmd.Args, err, out)
		}
		all = append(all, time.Since(begun))
		begun = time.Now()
		if err := r.ask("GET", "/v1/subscribers/default/"+who, nil); err != nil {
			return err
		}
		own = append(own, time.Since(begun))
	}
	first, all := all[0], all[1:]
	slices.Sort(all)
	slices.Sort(own)
	fmt.Printf("%-9s cgnctl sub %.1f ms, at most %.1f ms, the first time %.1f ms; of that the daemon %.1f ms, at most %.1f ms\n",
		name, ms(all[len(all)/2]), ms(all[len(all)-1]), ms(first), ms(own[len(own)/2]), ms(own[len(own)-1]))
	r.limit(all[len(all)-1] <= maxSub, "%s: cgnctl sub takes more than %v", name, maxSub)
	return nil
}

// idle measures what the daemon takes when nothing happens. A comparison of the kernel with the plan comes so seldom that it need not be in
// the time that is watched: what it takes is added.
func (r *run) idle(name string, s daemon.Snapshot) error {
	begun, err := r.cpu()
	if err != nil {
		return err
	}
	before, err := r.status()
	if err != nil {
		return err
	}
	time.Sleep(watch)
	after, err := r.status()
	if err != nil {
		return err
	}
	used, err := r.cpu()
	if err != nil {
		return err
	}
	rest := 100 * (used - begun).Seconds() / watch.Seconds()
	compare := 0.0
	if after.Verify.Runs == before.Verify.Runs {
		compare = 100 * s.Verify.Took.Seconds() / daemon.VerifyPeriod(5*time.Minute, s.Verify.Took).Seconds()
	}
	rss, peak, err := r.memory()
	if err != nil {
		return err
	}
	fmt.Printf("%-9s idle %.2f %% of a core: %.2f %%, and %.2f %% for comparisons; resident %d MiB, at most %d MiB\n", name, rest+compare, rest, compare, rss, peak)
	r.limit(rest+compare <= maxIdle, "%s: idle takes more than %v %% of a core", name, maxIdle)
	r.limit(peak <= maxRSS, "%s: more than %d MiB are resident", name, maxRSS)
	return nil
}

func (r *run) limit(ok bool, format string, args ...any) {
	if !ok {
		r.errs = append(r.errs, fmt.Errorf(format, args...))
	}
}

// cpu returns what the process has used so far, the kernel's work for it included.
func (r *run) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", r.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	const user, system, tick = 11, 12, 10 * time.Millisecond
	u, err1 := strconv.ParseInt(fields[user], 10, 64)
	s, err2 := strconv.ParseInt(fields[system], 10, 64)
	return time.Duration(u+s) * tick, errors.Join(err1, err2)
}

// memory returns what is resident now, and what was at most, in MiB.
func (r *run) memory() (now, most int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		for name, to := range map[string]*int{"VmRSS:": &now, "VmHWM:": &most} {
			if kb, ok := strings.CutPrefix(line, name); ok {
				n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(kb), " kB"))
				if err != nil {
					return 0, 0, err
				}
				*to = n >> 10
			}
		}
	}
	return now, most, nil
}

// scrape measures what Prometheus waits for.
func (r *run) scrape(name string) error {
	var all []time.Duration
	var size int
	for range scrapes {
		begun := time.Now()
		n, err := r.scrapeOnce()
		if err != nil {
			return err
		}
		size = n
		all = append(all, time.Since(begun))
	}
	slices.Sort(all)
	fmt.Printf("%-9s scrape %.1f ms, at most %.1f ms, of %d bytes\n", name, ms(all[len(all)/2]), ms(all[len(all)-1]), size)
	r.limit(all[len(all)-1] <= maxScrape, "%s: a scrape takes more than %v", name, maxScrape)
	return nil
}

func (r *run) scrapeOnce() (size int, err error) {
	err = r.top.CGN.Do(func() error {
		c, err := net.Dial("tcp", "127.0.0.1:9742")
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		if _, err := io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: cgnd\r\nConnection: close\r\n\r\n"); err != nil {
			return err
		}
		a, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return err
		}
		defer func() { _ = a.Body.Close() }()
		b, err := io.ReadAll(a.Body)
		size = len(b)
		return err
	})
	return size, err
}

// reload measures the time until the daemon has read the unchanged ledger, and makes sure that nothing is written in the kernel.
func (r *run) reload(name string) error {
	kernel, err := r.mark(name)
	if err != nil {
		return err
	}
	last, err := r.status()
	if err != nil {
		return err
	}
	applies := last.Apply.OK
	var all []time.Duration
	for range reloads {
		begun := time.Now()
		if err := r.ask("POST", "/v1/reload", nil); err != nil {
			return err
		}
		was := last.Read
		if last, err = r.await(func(s daemon.Snapshot) bool { return s.Read.After(was) && s.Doing == "" }); err != nil {
			return err
		}
		all = append(all, time.Since(begun))
	}
	slices.Sort(all)
	now, err := r.mark(name)
	if err != nil {
		return err
	}
	fmt.Printf("%-9s reload of the unchanged ledger %.1f ms, at most %.1f ms; applies %d, kernel unchanged %t\n", name, ms(all[len(all)/2]), ms(all[len(all)-1]), last.Apply.OK-applies, now == kernel)
	r.limit(all[len(all)-1] <= maxReload, "%s: a reload takes more than %v", name, maxReload)
	r.limit(now == kernel && last.Apply.OK == applies, "%s: a reload of an unchanged ledger writes in the kernel", name)
	return nil
}

// mark returns what is another one after whatever was written: the generation of nf_tables, or when the pins of the instance were made.
func (r *run) mark(name string) (mark string, err error) {
	err = r.top.CGN.Do(func() error {
		if name == "xdp" {
			d, err := ebpf.Open("")
			if err != nil {
				return err
			}
			defer func() { _ = d.Close() }()
			s, err := d.Status()
			mark = s.Since.String()
			return err
		}
		k, err := nat44.Open()
		if err != nil {
			return err
		}
		defer k.Close()
		g, err := k.Generation()
		mark = fmt.Sprint(g)
		return err
	})
	return mark, err
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (r *run) await(is func(daemon.Snapshot) bool) (daemon.Snapshot, error) {
	var err error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		var s daemon.Snapshot
		if s, err = r.status(); err == nil && is(s) {
			return s, nil
		}
	}
	return daemon.Snapshot{}, fmt.Errorf("cgnd did not come to that in time: %w", err)
}

func (r *run) status() (s daemon.Snapshot, err error) {
	return s, r.ask("GET", "/v1/status", &s)
}

func (r *run) ask(method, path string, into any) error {
	c := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(r.folder, "sock"))
		},
	}}
	q, err := http.NewRequest(method, "http://cgnd"+path, nil)
	if err != nil {
		return err
	}
	a, err := c.Do(q)
	if err != nil {
		return err
	}
	defer func() { _ = a.Body.Close() }()
	if a.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %s", method, path, a.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(a.Body).Decode(into)
}
