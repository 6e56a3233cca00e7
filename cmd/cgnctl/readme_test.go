package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPages runs every "$ cgnctl" command of pages and compares what it prints. A line "…" on a page stands for any further
// lines. A comment may name the exit code.
func TestPages(t *testing.T) {
	for page, least := range map[string]int{"README.md": 6, "docs/ledger.md": 12, "docs/publishing.md": 5} {
		t.Run(page, func(t *testing.T) { runPage(t, "../../"+page, least) })
	}
}

// runPage runs the commands of one page, in a folder of its own.
func runPage(t *testing.T, page string, least int) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	testdata, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.Symlink(testdata, "testdata"); err != nil {
		t.Fatal(err)
	}
	var examples [][2]string // command and output
	for i, block := range strings.Split(string(text), "```") {
		for j, part := range strings.Split("\n"+block, "\n$ cgnctl ") {
			if i%2 == 1 && j > 0 {
				command, output, _ := strings.Cut(part, "\n")
				examples = append(examples, [2]string{command, strings.TrimRight(output, "\n")})
			}
		}
	}
	if len(examples) < least {
		t.Fatalf("%d examples found, want at least %d", len(examples), least)
	}
	exit := regexp.MustCompile(`exit code (\d)`)
	for _, e := range examples {
		command, comment, _ := strings.Cut(e[0], "#")
		want := 0
		if m := exit.FindStringSubmatch(comment); m != nil {
			want, _ = strconv.Atoi(m[1])
		} else if strings.HasPrefix(e[1], "cgnctl: ") {
			want = exitInput
		}
		var out bytes.Buffer
		code := run(&env{stdin: strings.NewReader(""), stdout: &out, stderr: &out}, words(command))
		if code != want {
			t.Errorf("cgnctl %s: exit code %d, want %d", command, code, want)
		}
		got := strings.TrimSuffix(strings.ReplaceAll(out.String(), "\r\n", "\n"), "\n")
		shown, open := strings.CutSuffix(e[1], "\n…")
		if open && strings.HasPrefix(got, shown+"\n") {
			got = shown
		}
		if diff := cmp.Diff(shown, got); diff != "" {
			t.Errorf("cgnctl %s (-page +real):\n%s", command, diff)
		}
	}
}

var word = regexp.MustCompile(`"[^"]*"|\S+`)

// words splits a command as a shell would, as far as pages need it.
func words(command string) []string {
	all := word.FindAllString(command, -1)
	for i := range all {
		all[i] = strings.Trim(all[i], `"`)
	}
	return all
}

// TestHelp asserts that every command has one line of help, an example, and that --help is data: on stdout, exit 0.
func TestHelp(t *testing.T) {
	var out bytes.Buffer
	var paths [][]string
	root := newRoot(&env{stdout: &out, stderr: &out})
	for _, c := range root.Commands() {
		paths = append(paths, []string{c.Name()})
		for _, sub := range c.Commands() {
			paths = append(paths, []string{c.Name(), sub.Name()})
		}
	}
	if len(paths) < 9 {
		t.Fatalf("%d commands, want at least 9", len(paths))
	}
	for _, path := range paths {
		t.Run(strings.Join(path, " "), func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(&env{stdout: &stdout, stderr: &stderr}, append(path, "--help")); code != exitOK {
				t.Errorf("exit code %d, want 0", code)
			}
			if stderr.Len() > 0 {
				t.Errorf("stderr: %s", stderr.String())
			}
			if !strings.Contains(stdout.String(), "Examples:\n  cgnctl "+path[0]) {
				t.Errorf("no example in:\n%s", stdout.String())
			}
		})
	}
}
