//go:build unix

// Command bench measures whole runs of cgnctl against an awk loop that prints rows of the same length, turn by turn in one
// run, and prints the fastest time, the ratio of the medians and the largest resident memory. See make bench.
package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const runs = 7

func main() {
	work := func() error { return bench(os.Args[1]) }
	if len(os.Args) == 3 && os.Args[1] == "list" {
		work = func() error { return writeList(os.Args[2], 1_000_000) }
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(cgnctl string) error {
	dir, err := os.MkdirTemp("", "cgnkit-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "rows.csv")
	list := filepath.Join(dir, "subscribers.txt")
	// In a process of its own: a child's resident memory counts from what its parent had.
	if err := exec.Command(os.Args[0], "list", list).Run(); err != nil {
		return err
	}
	// The loop makes a row out of its counter, as a list of allocations must; the rows are as long as ours on average.
	const counting = `BEGIN{for(i=0;i<4194304;i++) printf "default,100.%d.%d.%d,198.%d.%d.%d,%d-%d\n",64+int(i/65536),int(i/256)%256,i%256,18+int(i/2097152),int(i/8192)%256,int(i/32)%256,1024+i%32*2016,3039+i%32*2016}`
	// The cheapest loop that awk has: the same text every time.
	const constant = `BEGIN{for(i=0;i<4194304;i++) print "default,100.79.66.62,198.18.122.17,61504-63519"}`
	all := []string{cgnctl, "allocate", "--subscribers", "100.64.0.0/10", "--outside", "198.18.0.0/15", "-o", "csv"}
	for _, to := range []string{os.DevNull, file} {
		fmt.Printf("== allocate 4,194,304 subscribers as csv to %s\n", filepath.Base(to))
		if err := compare(to, all, []string{"awk", counting}, []string{"awk", constant}); err != nil {
			return err
		}
	}
	fmt.Println("== allocate 1,000,000 scattered addresses from a file")
	return compare(os.DevNull, []string{cgnctl, "allocate", "--subscribers", list, "--outside", "198.18.0.0/15", "-o", "csv"})
}

// writeList writes n different addresses of 100.64.0.0/10 in random order.
func writeList(path string, n int) error {
	order := rand.New(rand.NewPCG(1, 2)).Perm(1 << 22)
	var b []byte
	for _, i := range order[:n] {
		b = fmt.Appendf(b, "100.%d.%d.%d\n", 64+i>>16, i>>8&255, i&255)
	}
	return os.WriteFile(path, b, 0o600)
}

// compare runs the commands in turn.
func compare(to string, commands ...[]string) error {
	times := make([][]time.Duration, len(commands))
	memory := make([]int64, len(commands))
	for range runs {
		for i, c := range commands {
			t, rss, err := run(to, c)
			if err != nil {
				return err
			}
			times[i], memory[i] = append(times[i], t), max(memory[i], rss)
		}
	}
	for i, c := range commands {
		slices.Sort(times[i])
		median := times[i][runs/2]
		fmt.Printf("%-60.60s  min %6.3f s  median %6.3f s  max %6.3f s  %4d MiB", c[0]+" "+c[1], times[i][0].Seconds(), median.Seconds(), times[i][runs-1].Seconds(), memory[i]>>10)
		if i > 0 {
			fmt.Printf("  %.1f times ours", median.Seconds()/times[0][runs/2].Seconds())
		}
		fmt.Println()
	}
	return nil
}

// run runs one command and returns its wall time and its largest resident memory in KiB.
func run(to string, c []string) (time.Duration, int64, error) {
	out, err := os.Create(to)
	if err != nil {
		return 0, 0, err
	}
	defer out.Close()
	cmd := exec.Command(c[0], c[1:]...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", c[0], err)
	}
	took := time.Since(start)
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, 0, errors.New("no resource usage on this system")
	}
	return took, usage.Maxrss, nil
}
