package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/alloc/planfile"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// killedApplies is how many applies are begun, of which most are killed.
const killedApplies = 36

// A seen is what the kernel had at an instant that lies between two.
type seen struct {
	after, before time.Time
	sha           string
}

// A killer applies plans in a namespace, and kills what applies them. Somebody watches the kernel all the time.
type killer struct {
	*testing.T
	ns    *netns.NS
	path  string                 // of the ledger
	plans map[string]*alloc.Plan // by hash

	mu   sync.Mutex
	seen []seen
}

func newKiller(t *testing.T) *killer {
	t.Helper()
	k := &killer{T: t, ns: netnstest.New(t), path: filepath.Join(t.TempDir(), "l"), plans: map[string]*alloc.Plan{}}
	return k
}

// plan returns the file of a plan that no other apply has: what the ledger says of others is no excuse.
func (k *killer) plan() (file string) {
	k.Helper()
	n := len(k.plans)
	text := fmt.Sprintf("version: 1\npools: [{name: p, inside: [100.64.0.0/20], outside: [198.18.0.0/23], ports-per-subscriber: %d}]\n", 700+23*n)
	file = saveText(k.T, filepath.Dir(k.path), fmt.Sprintf("%d.yaml", n), text)
	f, err := planfile.Load(file, planfile.Options{})
	if err != nil {
		k.Fatal(err)
	}
	k.plans[f.Plan.SHA256()] = f.Plan
	return file
}

// kernel returns the hash of the plan that the kernel has. The error says that it changed meanwhile, perhaps.
func (k *killer) kernel() (sha string, err error) {
	err = k.ns.Do(func() error {
		all, err := (&env{stderr: &bytes.Buffer{}}).held(nftables, "cgn", &planFlags{})
		if err == nil && len(all) > 0 {
			sha = all[0].sha256
		}
		return err
	})
	return sha, err
}

// watch looks at the kernel until stop is closed.
func (k *killer) watch(stop <-chan struct{}, done *sync.WaitGroup) {
	defer done.Done()
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Millisecond):
		}
		one := seen{after: time.Now()}
		var err error
		if one.sha, err = k.kernel(); err != nil {
			one.sha = "" // it was being changed
		}
		one.before = time.Now()
		k.mu.Lock()
		k.seen = append(k.seen, one)
		k.mu.Unlock()
	}
}

// last returns what was seen last.
func (k *killer) last() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.seen) == 0 {
		return ""
	}
	return k.seen[len(k.seen)-1].sha
}

// waitUntil waits until something is so, for a second at most.
func waitUntil(is func() bool) {
	for begun := time.Now(); !is() && time.Since(begun) < time.Second; {
		time.Sleep(200 * time.Microsecond)
	}
}

// apply runs cgnctl apply and kills it when kill returns, unless that is nil.
func (k *killer) apply(file string, kill func()) (took time.Duration) {
	k.Helper()
	cmd := exec.Command("cgnctl", "apply", "-c", file, "--ledger", k.path)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	begun := time.Now()
	if err := k.ns.Do(cmd.Start); err != nil {
		k.Fatal(err)
	}
	if kill != nil {
		kill()
		if err := cmd.Process.Kill(); err != nil {
			k.Log(err)
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && (kill == nil || !errors.As(err, &exit)) {
		k.Errorf("%v\n%s", err, said.String())
	}
	return time.Since(begun)
}

// agrees fails the test unless ledger and kernel agree about the present time.
func (k *killer) agrees(file string) {
	k.Helper()
	l, _, err := ledger.Verify(k.path)
	if err != nil {
		k.Fatal(err)
	}
	defer l.Close()
	e, err := l.AtInstant(time.Now())
	has, errKernel := k.kernel()
	epochs, gap := l.Between(time.Now(), time.Now())
	if err != nil || errKernel != nil || e.PlanSHA256 != has || len(epochs) != 1 || gap || ledger.IsPending(k.path) {
		k.Errorf("applied %s: the kernel has %.12s, the ledger says %v, %v of %v", filepath.Base(file), has, err, epochs, gap)
	}
}

// asks asks the ledger about every moment at which it is known what the kernel had: one that is named is who had the port.
func (k *killer) asks() (named, open int) {
	k.Helper()
	l, err := ledger.Open(k.path)
	if err != nil {
		k.Fatal(err)
	}
	defer l.Close()
	outside := netip.MustParseAddr("198.18.0.0")
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range len(k.seen) - 1 {
		a, b := k.seen[i], k.seen[i+1]
		if a.sha != b.sha || a.sha == "" {
			continue // it changed somewhen
		}
		at := a.before.Add(b.after.Sub(a.before) / 2)
		for _, port := range []uint16{20000, 50000} {
			had, ok := k.plans[a.sha].Trace(outside, port).Allocation()
			if !ok {
				k.Fatal("nobody has the port that is asked about")
			}
			got, err := l.Trace(ledger.Question{Outside: outside, Port: ledger.PortOf(port), From: at, To: at})
			switch {
			case errors.Is(err, ledger.ErrNotCovered): // nobody is named
			case err != nil:
				k.Fatal(err)
			case got.Verdict == ledger.Several:
				open++
			default:
				named++
				if s, _ := got.Candidates[0].Subscriber(); s != had.Subscriber() {
					k.Errorf("at %v %v:%d is traced to %v, and the kernel had plan %.12s, by which it is %v's", at, outside, port, s, a.sha, had.Subscriber())
				}
			}
		}
	}
	return named, open
}

// TestApplyKilled kills cgnctl apply --ledger at random moments. The next one that is not killed leaves ledger and kernel in agreement, and at no
// moment of the whole time does the ledger name another subscriber than the one who had the port in the kernel.
func TestApplyKilled(t *testing.T) {
	k := newKiller(t)
	seed := testseed.New(t)
	rng := rand.New(rand.NewPCG(seed, 9))
	file := k.plan()
	whole := k.apply(file, nil)
	k.agrees(file)
	var done sync.WaitGroup
	stop := make(chan struct{})
	done.Add(1)
	go k.watch(stop, &done)
	for range killedApplies {
		file, had := k.plan(), k.last()
		switch rng.IntN(4) {
		case 0:
			k.apply(file, nil)
			k.agrees(file)
		case 1: // at any moment
			k.apply(file, func() { time.Sleep(time.Duration(rng.Int64N(int64(2 * whole)))) })
		case 2: // soon after it has written down what it is about to do
			k.apply(file, func() {
				waitUntil(func() bool { return ledger.IsPending(k.path) })
				time.Sleep(time.Duration(rng.IntN(10)) * time.Millisecond)
			})
		default: // when the kernel has just changed
			k.apply(file, func() { waitUntil(func() bool { return k.last() != had }) })
		}
		time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
	}
	file = k.plan()
	k.apply(file, nil)
	k.agrees(file)
	time.Sleep(20 * time.Millisecond)
	close(stop)
	done.Wait()
	named, open := k.asks()
	changes := 0
	for i := range len(k.seen) - 1 {
		if k.seen[i].sha != k.seen[i+1].sha {
			changes++
		}
	}
	t.Logf("a whole apply took %v; the kernel changed %d times; of %d questions %d were answered with one", whole, changes, named+open, named)
	if changes < 5 || named < 100 || open == 0 {
		t.Error("too little happened: the test shows nothing")
	}
}
