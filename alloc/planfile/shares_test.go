package planfile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cgnkit/cgnkit/alloc"
)

// sharesText writes the shares of a list and their lines.
func sharesText(l *ShareList) string {
	var b strings.Builder
	for i, s := range l.Shares {
		fmt.Fprintf(&b, "%d: %v\n", l.Lines[i], s)
	}
	return b.String()
}

func TestReadShares(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"named columns":        {"subscriber,outside,ports\n100.64.0.1,198.18.0.1,1024-2047\n", "2: 100.64.0.1 198.18.0.1 1024-2047\n"},
		"no names":             {"100.64.0.1,198.18.0.1,1024-2047\n100.64.0.2,198.18.0.1,80\n", "1: 100.64.0.1 198.18.0.1 1024-2047\n2: 100.64.0.2 198.18.0.1 80\n"},
		"what allocate prints": {"pool,subscriber,outside,ports\na,100.64.0.1,198.18.0.1,1024-2047\na,100.64.0.2,198.18.0.1,\"2048-2999,5000\"\n", "2: 100.64.0.1 198.18.0.1 1024-2047\n3: 100.64.0.2 198.18.0.1 2048-2999,5000\n"},
		"other order":          {"Ports,street,Outside,SUBSCRIBER\n80,\"Main, 1\",198.18.0.1,100.64.0.1\n", "2: 100.64.0.1 198.18.0.1 80\n"},
		"semicolons":           {"100.64.0.1;198.18.0.1;80,443,8080\n", "1: 100.64.0.1 198.18.0.1 80,443,8080\n"},
		"tabs":                 {"subscriber\toutside\tports\n100.64.0.1\t198.18.0.1\t443,80\n", "2: 100.64.0.1 198.18.0.1 80,443\n"},
		"comments and blanks":  {"\ufeff# old rules\r\n\r\n 100.64.0.1 , 198.18.0.1 , 80 - 90 # web\r\n", "3: 100.64.0.1 198.18.0.1 80-90\n"},
		"quotes everywhere":    {"\"subscriber\",\"outside\",\"ports\"\n\"100.64.0.1\",\"198.18.0.1\",\"1,3\"\n", "2: 100.64.0.1 198.18.0.1 1,3\n"},
	} {
		l, err := ReadShares(strings.NewReader(c.text), "l")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, sharesText(l)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestReadSharesRefuses(t *testing.T) {
	const hint = "hint: write subscriber,outside,ports, and quote ports of several ranges\n"
	for name, c := range map[string]struct{ text, want string }{
		"nothing":           {"", "l: the list holds no share\nhint: write one share a line: subscriber,outside,ports\n"},
		"names only":        {"subscriber,outside,ports\n", "l: the list holds no share\nhint: write one share a line: subscriber,outside,ports\n"},
		"a column missing":  {"subscriber,ports\n100.64.0.1,80\n", "l:1:1: the first line names no column outside\n    1 | subscriber,ports\n      | ^\n" + hint},
		"ports not quoted":  {"100.64.0.1,198.18.0.1,80,443\n", "l:1:1: the line has 4 columns, and 3 are wanted\n    1 | 100.64.0.1,198.18.0.1,80,443\n      | ^\n" + hint},
		"a list of hosts":   {"100.64.0.1\n", "l:1:1: the line has 1 columns, and 3 are wanted\n    1 | 100.64.0.1\n      | ^\n" + hint},
		"a prefix":          {"100.64.0.0/24,198.18.0.1,80\n", "l:1:1: invalid address \"100.64.0.0/24\": a share has one subscriber and one outside address, and this is a prefix or range\n    1 | 100.64.0.0/24,198.18.0.1,80\n      | ^\n" + hint},
		"an open quote":     {"100.64.0.1,198.18.0.1,\"80\n443\"\n", "l:1:1: a quoted field does not end in this line\n    1 | 100.64.0.1,198.18.0.1,\"80\n      | ^\n" + hint},
		"a wrong port":      {"100.64.0.1,198.18.0.1,80\n100.64.0.2,198.18.0.1,70000\n", "l:2:1: port range \"70000\": invalid port range: port 70000 is past 65535\n    2 | 100.64.0.2,198.18.0.1,70000\n      | ^\n" + hint},
		"no ports":          {"100.64.0.1,198.18.0.1,\n", "l:1:1: empty port set: the text is blank\n    1 | 100.64.0.1,198.18.0.1,\n      | ^\n" + hint},
		"shares of 2 pools": {"pool,subscriber,outside,ports\na,100.64.0.1,198.18.0.1,80\nb,100.64.0.2,198.18.0.1,81\n", "l:3:1: the list is of several pools: this share is of pool \"b\", and those before of pool \"a\"\n    3 | b,100.64.0.2,198.18.0.1,81\n      | ^\nhint: keep the shares of each pool in a list of their own\n"},
		"a terminal attack": {"100.64.0.1,198.18.0.1,\x1b[2J\n", "l:1:1: port range \"\\x1b[2J\": invalid port set text: \"\\x1b[2J\" is not a decimal port number\n    1 | 100.64.0.1,198.18.0.1,?[2J\n      | ^\n" + hint},
		"a very long line":  {"100.64.0.1,198.18.0.1,80" + strings.Repeat(" ", maxSharesLine) + "\n", "l:1: the line is longer than 262144 bytes: this is no list of shares\n"},
	} {
		l, err := ReadShares(strings.NewReader(c.text), "l")
		if l != nil || err == nil {
			t.Errorf("%s: %v, %v", name, l, err)
			continue
		}
		if diff := cmp.Diff(c.want, render(err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if !errors.Is(err, ErrList) {
			t.Errorf("%s: %v, want ErrList", name, err)
		}
	}
}

// explicit is a plan with this value of shares.
func explicit(value string) string {
	return "version: 1\npools:\n  - name: a\n    scheme: explicit\n    shares:" + value + "\n"
}

func TestParseShares(t *testing.T) {
	const inline = "\n      - 100.64.0.1 198.18.0.1 1024-2047\n      - {subscriber: 100.64.0.2, outside: 198.18.0.1, ports: [80, 2048-3071]}"
	folder := put(t, map[string]string{
		"plan.yaml":      explicit(inline + "\n      - file: rules.csv"),
		"rules.csv":      "pool,subscriber,outside,ports\nx,100.64.0.3,198.18.0.1,4000-4999\nx,100.64.0.4,198.18.0.2,1-65535\n",
		"alone.yaml":     explicit(" {file: rules.csv}"),
		"one.yaml":       explicit(" 100.64.0.1 198.18.0.1 1024-2047"),
		"collide.yaml":   explicit("\n      - 100.64.0.9 198.18.0.2 80\n      - file: rules.csv"),
		"typo.yaml":      explicit(" {file: typo.csv}"),
		"typo.csv":       "100.64.0.3,198.18.0.1,4000-4999\n100.64.0.4,198.18.0.1,x\n",
		"twice.yaml":     explicit("\n      - file: rules.csv\n      - 100.64.0.4 198.18.0.2 80"),
		"outside.yaml":   explicit(" {file: ../rules.csv}"),
		"reserved.yaml":  explicit("\n      - 100.64.0.1 198.18.0.1 80-90") + "    ports: 1024-65535\n",
		"no-shares.yaml": "version: 1\npools:\n  - name: a\n    scheme: explicit\n",
	})
	for file, want := range map[string]string{
		"plan.yaml":  "100.64.0.1 198.18.0.1 1024-2047\n100.64.0.2 198.18.0.1 80,2048-3071\n100.64.0.3 198.18.0.1 4000-4999\n100.64.0.4 198.18.0.2 1-65535\n",
		"alone.yaml": "100.64.0.3 198.18.0.1 4000-4999\n100.64.0.4 198.18.0.2 1-65535\n",
		"one.yaml":   "100.64.0.1 198.18.0.1 1024-2047\n",
	} {
		f, err := Load(filepath.Join(folder, file), Options{})
		if err != nil {
			t.Errorf("%s: %s", file, render(err))
			continue
		}
		got := ""
		for a := range f.Plan.All() {
			got += (alloc.ExplicitShare{Inside: a.Inside(), Outside: a.Outside(), Ports: a.Ports()}).String() + "\n"
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
	for file, want := range map[string]string{
		"collide.yaml": `
rules.csv:3:1: pool "a": subscribers 100.64.0.9 and 100.64.0.4 both have port 80 of outside address 198.18.0.2
hint: give every port of an outside address to one subscriber
`,
		"typo.yaml": `
typo.csv:2:1: port range "x": invalid port set text: "x" is not a decimal port number
    2 | 100.64.0.4,198.18.0.1,x
      | ^
hint: write subscriber,outside,ports, and quote ports of several ranges
`,
		"twice.yaml": `
twice.yaml:7:9: pool "a": subscriber 100.64.0.4 has two shares: 198.18.0.2 with ports 1-65535, and 198.18.0.2 with port 80
    7 |       - 100.64.0.4 198.18.0.2 80
      |         ^
hint: list every subscriber once: its ports are on one outside address (RFC 6888 REQ-2), and several ranges make one share
`,
		"outside.yaml": `
outside.yaml:5:20: pools[0].shares.file: the list file "../rules.csv" lies outside the plan's folder
    5 |     shares: {file: ../rules.csv}
      |                    ^
hint: name a file in the plan's folder or below
`,
		"reserved.yaml": `
reserved.yaml:6:9: pool "a": the share of subscriber 100.64.0.1 has ports 80-90, which the pool does not use
    6 |       - 100.64.0.1 198.18.0.1 80-90
      |         ^
hint: widen ports or reserve less, or take them out of the share
`,
		"no-shares.yaml": `
no-shares.yaml:3:5: pool "a": scheme explicit has no shares
    3 |   - name: a
      |     ^
hint: list them: subscriber, outside address and ports
`,
	} {
		_, err := Load(filepath.Join(folder, file), Options{})
		if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), strings.ReplaceAll(render(err), folder+"/", "")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

func TestParseSharesValues(t *testing.T) {
	refused(t, "no share", explicit(" 100.64.0.1 198.18.0.1"), `
p.yaml:5:13: pools[0].shares: invalid share "100.64.0.1 198.18.0.1": want inside address, outside address and ports, such as 100.64.0.1 198.18.0.1 1024-2047
    5 |     shares: 100.64.0.1 198.18.0.1
      |             ^
hint: for example 100.64.0.1 198.18.0.1 1024-2047,4000
`)
	refused(t, "a list in a list", explicit(" [[100.64.0.1 198.18.0.1 1]]"), `
p.yaml:5:14: pools[0].shares[0]: the value must be a share such as 100.64.0.1 198.18.0.1 1024-2047, and this is a list
    5 |     shares: [[100.64.0.1 198.18.0.1 1]]
      |              ^
`)
	refused(t, "an empty list", explicit(" []"), `
p.yaml:5:13: pools[0].shares: the list of shares is empty
    5 |     shares: []
      |             ^
hint: for example shares: [100.64.0.1 198.18.0.1 1024-2047]
`)
	refused(t, "keys that lack one", explicit(" {subscriber: 100.64.0.1, ports: 80}"), `
p.yaml:5:13: pools[0].shares: the share has no outside
    5 |     shares: {subscriber: 100.64.0.1, ports: 80}
      |             ^
hint: for example {subscriber: 100.64.0.1, outside: 198.18.0.1, ports: 1024-2047}
`)
	refused(t, "a prefix", explicit(" {subscriber: 100.64.0.0/24, outside: 198.18.0.1, ports: 80}"), `
p.yaml:5:26: pools[0].shares.subscriber: invalid address "100.64.0.0/24": a share has one subscriber and one outside address, and this is a prefix or range
    5 |     shares: {subscriber: 100.64.0.0/24, outside: 198.18.0.1, ports: 80}
      |                          ^
`)
	refused(t, "a file and more", explicit(" {file: x.csv, ports: 80}"), `
p.yaml:5:20: pools[0].shares.file: a plan that does not come from a file cannot name a list file
    5 |     shares: {file: x.csv, ports: 80}
      |                    ^
p.yaml:5:13: pools[0].shares: a share has subscriber, outside, ports beside file
    5 |     shares: {file: x.csv, ports: 80}
      |             ^
hint: write one share an item, or the file alone
`)
	refused(t, "inside too", explicit(" 100.64.0.1 198.18.0.1 80")+"    inside: 100.64.0.1\n", `
p.yaml:6:13: pool "a": scheme explicit takes no inside: its subscribers are those of its shares
    6 |     inside: 100.64.0.1
      |             ^
hint: leave it out
`)
	refused(t, "another scheme", good+"    shares: 100.64.0.1 198.18.0.1 80\n", `
p.yaml:6:13: pool "a": shares belongs to scheme explicit, and the scheme is sequential
    6 |     shares: 100.64.0.1 198.18.0.1 80
      |             ^
hint: leave it out, or write scheme: explicit
`)
}

// TestSaveShares writes lists up to the size that stays in the plan, and one more.
func TestSaveShares(t *testing.T) {
	for n, files := range map[int][]string{maxInline: {"plan.yaml"}, maxInline + 1: {"plan.old.shares.csv", "plan.yaml"}} {
		s := alloc.PoolSpec{Name: "old", Scheme: alloc.Explicit, Reserve: reserve("1-1023")}
		for i := range n {
			ports := []string{"1024-2047", "4000,4002-4100"}[i%2]
			s.Shares = append(s.Shares, shares(fmt.Sprintf("100.64.%d.%d 198.18.%d.%d %s", i/256, i%256, i/512, i/2%256, ports))...)
		}
		spec := alloc.Spec{Pools: []alloc.PoolSpec{s}}
		plan := must(alloc.NewPlan(spec))
		folder := t.TempDir()
		path := filepath.Join(folder, "plan.yaml")
		for range 2 { // the second time over what the first wrote
			if err := Save(path, spec, plan); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(files, names(t, folder)); diff != "" {
			t.Errorf("%d shares: files (-want +got):\n%s", n, diff)
		}
		f, err := Load(path, Options{})
		if err != nil || f.Plan.SHA256() != plan.SHA256() {
			t.Errorf("%d shares come back as another plan, %v", n, err)
		}
		if err := os.WriteFile(filepath.Join(folder, "plan.old.shares.csv"), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Save(path, spec, plan); n > maxInline && err == nil {
			t.Error("Save replaces a list that it did not write")
		}
	}
}

func FuzzReadShares(f *testing.F) {
	csv, err := os.ReadFile(plansFolder + "/legacy-rules.csv")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(csv)
	for _, text := range []string{
		"", "\ufeff", "#", "1.2.3.4,5.6.7.8,9", "subscriber,outside,ports\n1.2.3.4,5.6.7.8,\"9,11\"", "a\tports\tsubscriber\toutside\n\t80\t1.2.3.4\t5.6.7.8\n", "1.2.3.4;5.6.7.8;1,2,3\n",
		"pool,subscriber,outside,ports\na,1.2.3.4,5.6.7.8,9\nb,1.2.3.5,5.6.7.8,10", "1.2.3.4,5.6.7.8,0-65535\n1.2.3.4,5.6.7.8,\"", "subscriber\n1.2.3.4", ",,\n", "\"\",\"\",\"\"", "\x00,\xff,\u2028",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > fuzzLimit {
			return
		}
		l, err := ReadShares(bytes.NewReader(data), "l")
		if err != nil {
			checkDiagnostics(t, err)
			if l != nil || !errors.Is(err, ErrList) {
				t.Fatalf("%v, %v; want ErrList", l, err)
			}
			return
		}
		// What is read can be written, and comes back.
		var b bytes.Buffer
		if err := writeShares(&b, alloc.PoolSpec{Name: "p", Shares: l.Shares}); err != nil {
			t.Fatal(err)
		}
		again, err := ReadShares(&b, "l")
		if err != nil || len(again.Shares) != len(l.Shares) || len(l.Lines) != len(l.Shares) {
			t.Fatalf("%d shares come back as %v, %v", len(l.Shares), again, err)
		}
		for i, s := range l.Shares {
			if !s.IsValid() || again.Shares[i].String() != s.String() || i > 0 && l.Lines[i] <= l.Lines[i-1] || int(l.Lines[i]) > bytes.Count(data, []byte("\n"))+1 {
				t.Fatalf("share %d of line %d is %v and comes back as %v", i, l.Lines[i], s, again.Shares[i])
			}
		}
	})
}
