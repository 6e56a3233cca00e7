package planfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// put writes files into a fresh folder and returns it. A name that ends with a slash makes a folder.
func put(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// withList is a plan whose subscribers are in a file.
func withList(name string) string {
	return strings.Replace(good, "100.64.0.0/24", "\n      - 100.64.0.0/24\n      - file: "+name, 1)
}

func TestLoadUnreadable(t *testing.T) {
	folder := put(t, map[string]string{"plan.yaml": good})
	for _, c := range []struct {
		name, path, want string
		is               error
	}{
		{"missing", folder + "/none.yaml", ": no such file or directory\n", fs.ErrNotExist},
		{"directory", folder, ": this is a directory, and a file is wanted\n", ErrRead},
		{"below a file", folder + "/plan.yaml/x", ": not a directory\n", syscall.ENOTDIR},
		{"NUL in the name", folder + "/\x00", ": invalid argument\n", syscall.EINVAL},
		{"name too long", folder + "/" + strings.Repeat("x", 300), ": file name too long\n", syscall.ENAMETOOLONG},
		{"read fails", "/proc/self/mem", ": input/output error\n", syscall.EIO},
		{"endless", "/dev/zero", ": the file is larger than 4 MiB\nhint: subscribers, shares and bindings may stand in files beside it: {file: NAME}\n", ErrRead},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, err := Load(c.path, Options{})
			if file != nil || !errors.Is(err, ErrRead) || !errors.Is(err, c.is) {
				t.Fatalf("Load = %v, %v; want an error that wraps ErrRead and %v", file, err, c.is)
			}
			wantDiagnostics(t, err, readable(c.path)+c.want)
		})
	}
	for _, c := range []struct{ name, path, want string }{
		{"missing", folder + "/none.csv", ": no such file or directory\n"},
		{"directory", folder, ": this is a directory, and a file is wanted\n"},
		{"read fails", "/proc/self/mem", ": input/output error\n"},
	} {
		t.Run("list "+c.name, func(t *testing.T) {
			list, err := LoadList(c.path)
			if list != nil || !errors.Is(err, ErrRead) {
				t.Fatalf("LoadList = %v, %v; want ErrRead", list, err)
			}
			wantDiagnostics(t, err, c.path+c.want)
		})
	}
	t.Run("list endless", func(t *testing.T) {
		_, err := LoadList("/dev/zero")
		wantDiagnostics(t, err, "/dev/zero:1: the line is longer than 65536 bytes: this is no subscriber list\n")
	})
}

// TestLoadForbidden loads files that may not be read. Root may read everything, so the test asks the kernel first.
func TestLoadForbidden(t *testing.T) {
	folder := put(t, map[string]string{"plan.yaml": good})
	path := filepath.Join(folder, "plan.yaml")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	_, err := Load(path, Options{})
	if _, may := os.ReadFile(path); may == nil {
		if err != nil {
			t.Errorf("the file can be read, and Load says %v", err)
		}
		return
	}
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("error %v, want one that wraps fs.ErrPermission", err)
	}
	wantDiagnostics(t, err, path+": permission denied\n")
}

func TestLoadStandardInput(t *testing.T) {
	replace := func(text string) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		old := os.Stdin
		os.Stdin = r
		t.Cleanup(func() { os.Stdin = old; r.Close() })
		if _, err := w.WriteString(text); err != nil {
			t.Fatal(err)
		}
		w.Close()
	}
	replace(good)
	f, err := Load("-", Options{})
	if err != nil || f.Name != "standard input" || f.Plan.Subscribers() != 256 {
		t.Errorf("Load(-) = %+v, %v", f, err)
	}
	replace(withList("x.csv"))
	_, err = Load("-", Options{})
	wantDiagnostics(t, err, `
standard input:6:15: pools[0].inside[1].file: a plan that does not come from a file cannot name a list file
    6 |       - file: x.csv
      |               ^
`)
}

func TestListFile(t *testing.T) {
	outer := put(t, map[string]string{"outer.csv": "100.65.0.1\n", "elsewhere/list.csv": "100.65.0.4\n", "plans/x": ""})
	folder := filepath.Join(outer, "plans")
	if err := os.MkdirAll(filepath.Join(folder, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"beside.csv": "100.65.0.2\n", "sub/below.csv": "100.65.0.3\n", "-": "100.65.0.5\n", "..x": "100.65.0.6\n", "a b: #c.csv": "100.65.0.7\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../elsewhere/list.csv", filepath.Join(folder, "link.csv")); err != nil {
		t.Fatal(err)
	}
	plan := filepath.Join(folder, "plan.yaml")
	load := func(name string) (*File, error) {
		if err := os.WriteFile(plan, []byte(withList(name)), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Chdir(outer) // the working directory is of no consequence
		return Load("plans/plan.yaml", Options{})
	}
	for name, want := range map[string]string{
		"beside.csv": "100.65.0.2", "./beside.csv": "100.65.0.2", "sub/below.csv": "100.65.0.3", "sub/../beside.csv": "100.65.0.2",
		"link.csv": "100.65.0.4", `"-"`: "100.65.0.5", "..x": "100.65.0.6", `"a b: #c.csv"`: "100.65.0.7",
	} {
		f, err := load(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := f.Spec.Pools[0].Inside; len(got) != 2 || got[1].String() != want {
			t.Errorf("%s: the subscribers are %v, want 100.64.0.0/24 and %s", name, got, want)
		}
	}
	const hint = "hint: name a file in the plan's folder or below\n"
	for _, c := range []struct{ name, msg string }{
		{"../outer.csv", `the list file "../outer.csv" lies outside the plan's folder`},
		{"sub/../../outer.csv", `the list file "sub/../../outer.csv" lies outside the plan's folder`},
		{"/etc/hosts", `the list file "/etc/hosts" lies outside the plan's folder`},
		{"..", `the list file ".." lies outside the plan's folder`},
		{`"../\e[2J"`, `the list file "../\x1b[2J" lies outside the plan's folder`},
		{".", `plans: this is a directory, and a file is wanted`},
		{"sub", `plans/sub: this is a directory, and a file is wanted`},
		{"none.csv", `plans/none.csv: no such file or directory`},
		{`"\e[2J"`, `plans/?[2J: no such file or directory`},
		{`"a\0b"`, `plans/a?b: invalid argument`},
	} {
		_, err := load(c.name)
		want := "plans/plan.yaml:6:15: pools[0].inside[1].file: " + c.msg + "\n    6 |       - file: " + c.name + "\n      |               ^\n"
		if strings.HasPrefix(c.msg, "the list file") {
			want += hint
		}
		if !errors.Is(err, ErrRead) {
			t.Errorf("%s: error %v, want ErrRead", c.name, err)
		}
		wantDiagnostics(t, err, want)
	}
}

// TestListFileDash makes sure that a list file with the name "-" in the working directory is a file, not standard input.
func TestListFileDash(t *testing.T) {
	t.Chdir(put(t, map[string]string{"plan.yaml": withList(`"-"`), "-": "100.65.0.5\n"}))
	f, err := Load("plan.yaml", Options{})
	if err != nil || f.Plan.Subscribers() != 257 {
		t.Errorf("Load = %+v, %v; want 257 subscribers", f, err)
	}
}

// TestListFilePlace checks where mistakes in a list file are reported.
func TestListFilePlace(t *testing.T) {
	folder := put(t, map[string]string{
		"bad.csv":   "id,subscriber\n1,100.65.0.1\n2,100.65.0.256\n",
		"empty.csv": "# nobody\n",
		"twice.csv": "# two comments\n# come first\n100.65.0.1\n\n100.64.0.7\n",
		"loop.csv":  "100.65.0.1\n198.18.0.0/28\n",
		"null.csv":  "100.65.0.1\n\n\n127.0.0.1\n",
	})
	for _, c := range []struct {
		list, want string
		is         error
	}{
		{"bad.csv", "/bad.csv:3:1: invalid address \"100.65.0.256\": want an IPv4 address such as 100.64.0.1\n    3 | 2,100.65.0.256\n      | ^\n" + listHint, ErrList},
		{"empty.csv", "/empty.csv: the list holds no subscriber\nhint: write one address, prefix or range a line\n", ErrList},
		{"twice.csv", "/twice.csv:5:1: pool \"a\": inside address 100.64.0.7 is listed twice: in 100.64.0.0/24 and in 100.64.0.7\nhint: list every address once\n", alloc.ErrDuplicate},
		{"loop.csv", "/plan.yaml:7:14: pool \"a\": outside address 198.18.0.0 is also an inside address of realm \"default\", in pool \"a\"\n" +
			"    7 |     outside: 198.18.0.0/27\n      |              ^\nhint: an address cannot be on both sides: correct one of the lists, or use another realm\n", alloc.ErrLoop},
		{"null.csv", "/null.csv:4:1: pool \"a\": inside 127.0.0.1 cannot be used: 127.0.0.0/8 is loopback (RFC 1122)\n", alloc.ErrAddress},
	} {
		path := filepath.Join(folder, "plan.yaml")
		if err := os.WriteFile(path, []byte(withList(c.list)), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path, Options{})
		if !errors.Is(err, c.is) {
			t.Errorf("%s: error %v, want %v", c.list, err, c.is)
		}
		wantDiagnostics(t, err, folder+c.want)
	}
}

func TestKeys(t *testing.T) {
	const random = good + "    scheme: random\n    key-id: 70cdcdcdbfe1ad0e\n"
	other := must(alloc.ParseKey(strings.Repeat("ab", 16)))
	for _, c := range []struct {
		name string
		keys []alloc.Key
		ok   bool
	}{
		{"none", nil, false}, {"another", []alloc.Key{other}, false}, {"right", []alloc.Key{exampleKey}, true}, {"right among others", []alloc.Key{other, exampleKey}, true},
	} {
		f, err := Parse("p.yaml", []byte(random), Options{Keys: c.keys})
		if (err == nil) != c.ok || !c.ok && !errors.Is(err, alloc.ErrKey) {
			t.Errorf("%s: Parse = %v, %v", c.name, f, err)
		}
	}
	// An ID that YAML takes for a number is an ID all the same.
	for _, id := range []string{"1234567890123456", "70e1234567890123", "0x12345678901234"} {
		_, err := Parse("p.yaml", []byte(strings.Replace(random, "70cdcdcdbfe1ad0e", id, 1)), Options{})
		wantDiagnostics(t, err, "p.yaml:7:13: pool \"a\": the key with ID \""+id+"\" is not at hand\n    7 |     key-id: "+id+"\n      |             ^\nhint: give it with --key-file FILE\n")
	}
}

func TestPlaceOfAnyPath(t *testing.T) {
	f := must(Parse("p.yaml", []byte(good+"\nno-translate: [203.0.113.0/24, 203.0.113.53 udp/53]\n"), Options{}))
	for _, c := range []struct{ path, want string }{
		{"no-translate[0]", "p.yaml:7:16: m"}, {"no-translate[1]", "p.yaml:7:32: m"}, {"no-translate[2]", "p.yaml:1:1: m"}, {"no-translate[-1]", "p.yaml:1:1: m"},
		{"no-translate", "p.yaml:1:1: m"}, {"no-translate[99999999999999999999]", "p.yaml:1:1: m"}, {"no-translate[0].addrs", "p.yaml:1:1: m"},
	} {
		if got := f.Diagnostic(alloc.Finding{Path: c.path, Msg: "m", Err: alloc.ErrDestination}); got.Error() != c.want || !errors.Is(got, alloc.ErrDestination) {
			t.Errorf("a finding at %q is %q, want %q", c.path, got.Error(), c.want)
		}
	}
	f = must(Parse("p.yaml", []byte(good+"\n  - outside: 198.18.1.0/27\n    inside: 100.64.1.0/24\n    name: b\n"), Options{}))
	for _, c := range []struct{ path, want string }{
		{"pools[1].outside[0]", "p.yaml:7:14: m"}, {"pools[1].scheme", "p.yaml:7:5: m"}, {"pools[1]", "p.yaml:7:5: m"}, {"pools", "p.yaml:3:3: m"},
		{"pools[7].name", "p.yaml:1:1: m"}, {"", "p.yaml:1:1: m"}, {"pools[99999999999999999999]", "p.yaml:1:1: m"}, {"pools[0].inside[5]", "p.yaml:4:13: m"},
	} {
		if got := f.Diagnostic(alloc.Finding{Path: c.path, Msg: "m", Err: alloc.ErrName}); got.Error() != c.want || !errors.Is(got, alloc.ErrName) {
			t.Errorf("a finding at %q is %q, want %q", c.path, got.Error(), c.want)
		}
	}
}
