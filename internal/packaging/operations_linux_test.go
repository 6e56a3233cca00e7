package packaging

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// page is what TestOperations runs.
const page = "../../docs/operations.md"

// A step is a command of the page, and what it prints there.
type step struct {
	block   int // of the page, counted from 0: those between ``` have odd numbers
	command string
	output  string
	exit    int
}

// steps returns the commands of a page, in order. A command begins with "$ ", goes on to EOF where it has a here-document, and may name
// its exit code in a comment.
func steps(text string) (all []step) {
	exit := regexp.MustCompile(`# exit code (\d+)$`)
	for i, block := range strings.Split(text, "```") {
		for j, part := range strings.Split("\n"+block, "\n$ ") {
			if i%2 == 0 || j == 0 {
				continue
			}
			s := step{block: i}
			s.command, s.output, _ = strings.Cut(part, "\n")
			if strings.Contains(s.command, "<<EOF") {
				body, rest, _ := strings.Cut(s.output, "\nEOF")
				s.command, s.output = s.command+"\n"+body+"\nEOF", strings.TrimPrefix(rest, "\n")
			}
			if s.output != "" {
				s.output = strings.TrimSuffix(s.output, "\n") + "\n"
			}
			if m := exit.FindStringSubmatch(s.command); m != nil {
				s.exit, _ = strconv.Atoi(m[1])
			}
			all = append(all, s)
		}
	}
	return all
}

// steady are what differs from run to run, and what stands for it when a page is compared.
var steady = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`), "INSTANT"},
	// A machine that is busy is late, and has records that say so: the ledger then has more epochs, with other numbers and ends.
	{regexp.MustCompile(`(?m)^\d+ +INSTANT +(INSTANT +)?[0-9a-f]{12} +cgnd +epoch \d+, which the kernel had .*\n`), ""},
	{regexp.MustCompile(`(?m)^(\d+ +INSTANT) +INSTANT\b`), "$1"},
	{regexp.MustCompile(`\b(epoch[ =]|cgnkit_epoch(_due)? |records=)\d+`), "${1}E"},
	{regexp.MustCompile(`\b\d+ epochs\b`), "E epochs"},
	{regexp.MustCompile(`since [A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC; .* ago`), "since INSTANT"},
	{regexp.MustCompile(`\b(head|hash)([ =]+)[0-9a-f]{64}`), "$1 ${2}HASH"},
	{regexp.MustCompile(`[A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d cgn1`), "INSTANT cgn1"},
	{regexp.MustCompile(`(PID: |"pid":|cgnd\[|└─|-cgn-|_seconds )[0-9.e+]+`), "${1}N"},
	{regexp.MustCompile(`(cgnkit[_ ]\(?|version=)\d+\.\d+\.\d+[-~a-z0-9.]*`), "${1}VERSION"},
	{regexp.MustCompile(`_(amd64|arm64)\.deb`), "_ARCH.deb"},
	{regexp.MustCompile(`Tasks: \d+.*`), "Tasks: N"},
	{regexp.MustCompile(`\b\d+(\.\d+)?(ns|µs|ms|s|min)\b`), "TIME"},
	{regexp.MustCompile(`\b\d+(\.\d+)?M\b`), "SIZE"},
	{regexp.MustCompile(`[ \t]+(\n|$)`), "$1"},
	{regexp.MustCompile(` {2,}`), "  "}, // columns are as wide as their instants
}

func steadied(text string) string {
	for _, s := range steady {
		text = s.what.ReplaceAllString(text, s.with)
	}
	return strings.TrimRight(text, "\n")
}

// shows reports whether a page shows what was printed. A line "…" on the page stands for any lines.
func shows(shown, printed string) bool {
	rest, open := "\n"+steadied(printed)+"\n", false
	for i, piece := range strings.Split("\n"+steadied(shown)+"\n", "\n…\n") {
		if i > 0 {
			piece, open = "\n"+piece, true
		}
		piece = strings.TrimSuffix(piece, "\n") + "\n"
		at := strings.Index(rest, piece)
		if at < 0 || !open && at > 0 {
			return false
		}
		rest = rest[at+len(piece)-1:]
	}
	return rest == "\n" || strings.HasSuffix(strings.TrimRight(shown, "\n"), "…")
}

// TestOperations follows docs/operations.md as its reader would: every command, in order, in a box with a real systemd and a network on
// both sides. UPDATE_OPERATIONS=1 puts what is printed in the place of what does not fit.
func TestOperations(t *testing.T) {
	needRoot(t)
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	all := steps(string(text))
	if len(all) < 30 {
		t.Fatalf("%d commands on the page, want at least 30", len(all))
	}
	top := netnstest.NewTopology(t, netns.Options{})
	b := bootBox(t, top.CGN)
	b.put(debFile(t))
	for i, s := range all {
		out, fits := b.follow(s)
		if fits {
			continue
		}
		if all[i].output = strings.TrimRight(out, "\n"); out != "" {
			all[i].output += "\n"
		}
		if os.Getenv("UPDATE_OPERATIONS") == "" {
			t.Errorf("%s (-page +real):\n%s", s.command, cmp.Diff(steadied(s.output), steadied(out)))
		}
	}
	if os.Getenv("UPDATE_OPERATIONS") != "" {
		if err := os.WriteFile(page, []byte(updated(string(text), all)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// looks are commands that change nothing, and may come too early: for the journal, or for a daemon on a machine that is busy.
var looks = regexp.MustCompile(`^(sleep \d+; )?(journalctl|systemctl (show|status|is-active)|cgnctl verify|curl -s http)`)

// follow runs a command of the page, and reports whether the page shows what it prints.
func (b *box) follow(s step) (out string, fits bool) {
	b.Helper()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		printed, err := b.try(s.command)
		code := 0
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			code = exit.ExitCode()
		} else if err != nil {
			b.Fatal(err)
		}
		fits = code == s.exit && shows(s.output, printed)
		if !fits && looks.MatchString(s.command) && os.Getenv("UPDATE_OPERATIONS") == "" && time.Now().Before(until) {
			continue
		}
		if code != s.exit {
			b.Errorf("%s: exit code %d, want %d\n%s", s.command, code, s.exit, printed)
		}
		return printed, fits
	}
}

// updated returns the page with other outputs.
func updated(text string, all []step) string {
	blocks := strings.Split(text, "```")
	done := map[int]bool{}
	for _, s := range all {
		if !done[s.block] {
			language, _, _ := strings.Cut(blocks[s.block], "\n")
			blocks[s.block], done[s.block] = language+"\n", true
		}
		blocks[s.block] += fmt.Sprintf("$ %s\n%s", s.command, s.output)
	}
	return strings.Join(blocks, "```")
}

// TestShows has a page be compared as it should.
func TestShows(t *testing.T) {
	for _, c := range []struct {
		shown, printed string
		want           bool
	}{
		{"a\nb\n", "a\nb\n", true},
		{"a\nb\n", "a\nb", true},
		{"", "", true},
		{"", "a\n", false},
		{"a\n", "", false},
		{"a\n", "ab\n", false},
		{"a\n…\n", "a\nb\nc\n", true},
		{"a\n…\n", "a\n", true},
		{"b\n…\n", "a\nb\n", false},
		{"…\nc\n", "a\nb\nc\n", true},
		{"…\nc\n", "c\n", true},
		{"…\nb\n", "a\nb\nc\n", false},
		{"a\n…\nc\n", "a\nb\nc\n", true},
		{"a\n…\nd\n", "a\nb\nc\n", false},
		{"…\n", "a\nb\n", true},
		{"took=3ms\n", "took=1.25s\n", true},
		{
			"1  2026-01-01T00:00:00Z  2026-01-01T00:00:02Z  a6b3e333a632  alice  first\n2  2026-01-01T00:00:02Z                        5c6c3112560e  alice  next\n",
			"1  2026-01-01T00:00:00Z  2026-01-01T00:00:02Z  a6b3e333a632  alice  first\n2  2026-01-01T00:00:02Z  2026-01-01T00:00:02Z  5c6c3112560e  alice  next\n" +
				"3  2026-01-01T00:00:02Z                        5c6c3112560e  cgnd   epoch 2, which the kernel had at 2026-01-01T00:00:02.136Z at the latest: until then it had plan a6b3e333a632\n", true,
		},
		{"epoch 3, plan a6b3e333a632, healthy\n", "epoch 4, plan a6b3e333a632, healthy\n", true},
		{"epoch 3, plan a6b3e333a632, healthy\n", "epoch 3, plan 5c6c3112560e, healthy\n", false},
		{"from 2026-01-01T00:00:00Z\n", "from 2027-02-03T04:05:06.789Z\n", true},
	} {
		if got := shows(c.shown, c.printed); got != c.want {
			t.Errorf("%q, %q: %t", c.shown, c.printed, got)
		}
	}
}

// TestUpdated has an update of what fits already change nothing.
func TestUpdated(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), updated(string(text), steps(string(text)))); diff != "" {
		t.Error(diff)
	}
}
