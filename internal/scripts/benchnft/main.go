//go:build linux

// Command benchnft measures cgnctl apply and verify with a million subscribers against nft -f on the file that cgnctl render
// writes, in turn, in a network namespace of its own. See make bench.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/cgnkit/cgnkit/internal/netns"
)

const rounds = 3

func main() {
	if err := bench(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "benchnft:", err)
		os.Exit(1)
	}
}

// A figure is what one command took.
type figure struct {
	wall, cpu time.Duration
	rss       int64 // KiB
}

func bench(cgnctl string) error {
	dir, err := os.MkdirTemp("", "cgnkit-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ns, err := netns.New()
	if err != nil {
		return err
	}
	defer func() { _ = ns.Close() }()
	plan, text := filepath.Join(dir, "plan.yaml"), filepath.Join(dir, "plan.nft")
	setup := fmt.Sprintf("%s plan --subscribers 1000000 --outside 192.0.0.0/18 --ports-per-subscriber 1000 --write-plan %s && %s render nftables -c %s > %s",
		cgnctl, plan, cgnctl, plan, text)
	if out, err := exec.Command("sh", "-c", setup).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	steps := []struct {
		name string
		args []string
	}{
		{"cgnctl apply, first load", []string{cgnctl, "apply", "-c", plan}},
		{"cgnctl verify", []string{cgnctl, "verify", "-c", plan}},
		{"cgnctl apply, unchanged", []string{cgnctl, "apply", "-c", plan}},
		{"", []string{cgnctl, "remove"}},
		{"nft -f of our file", []string{"nft", "-f", text}},
		{"", []string{"nft", "delete", "table", "ip", "cgn"}},
	}
	all := map[string][]figure{}
	for range rounds {
		for _, s := range steps {
			f, err := run(ns, s.args)
			if err != nil {
				return err
			}
			all[s.name] = append(all[s.name], f)
		}
	}
	first := median(all[steps[0].name])
	for _, s := range steps {
		if s.name == "" {
			continue
		}
		f := median(all[s.name])
		fmt.Printf("%-26s wall %6.2f s  cpu %6.2f s  %5d MiB  %5.1f times the first load\n", s.name, f.wall.Seconds(), f.cpu.Seconds(), f.rss>>10, f.wall.Seconds()/first.wall.Seconds())
	}
	return nil
}

// median returns the figures of the run with the median wall time, and the largest memory of all.
func median(f []figure) figure {
	slices.SortFunc(f, func(a, b figure) int { return int(a.wall - b.wall) })
	m := f[len(f)/2]
	for _, g := range f {
		m.rss = max(m.rss, g.rss)
	}
	return m
}

func run(ns *netns.NS, args []string) (f figure, err error) {
	cmd := exec.Command(args[0], args[1:]...)
	start := time.Now()
	if err := ns.Do(cmd.Start); err != nil {
		return f, err
	}
	if err := cmd.Wait(); err != nil {
		return f, fmt.Errorf("%v: %w", args, err)
	}
	f.wall = time.Since(start)
	f.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		f.rss = u.Maxrss
	}
	return f, nil
}
