package packaging

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cgnkit/cgnkit/internal/netnstest"
	"github.com/cgnkit/cgnkit/internal/version"
)

// build builds the package into a folder and returns its path.
func build(folder string) (string, error) {
	cmd := exec.Command("./deb.sh", folder)
	// The bytes are to follow from the tree and from nothing else: neither from what git thinks of it at that moment nor from the clock.
	cmd.Env = append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -buildvcs=false", "SOURCE_DATE_EPOCH=1767225600")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", &buildError{err, said.String()}
	}
	return strings.TrimSpace(string(out)), nil
}

type buildError struct {
	err  error
	said string
}

func (e *buildError) Error() string { return "deb.sh: " + e.err.Error() + "\n" + e.said }

// built is the package, once for all tests.
var built = sync.OnceValues(func() (string, error) { return build(buildFolder) })

var buildFolder string

func TestMain(m *testing.M) {
	var err error
	if buildFolder, err = os.MkdirTemp("", "cgnkit-deb-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(buildFolder)
	os.Exit(code)
}

func debFile(tb testing.TB) string {
	tb.Helper()
	path, err := built()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// dpkgDeb asks dpkg-deb about the package.
func dpkgDeb(tb testing.TB, args ...string) string {
	tb.Helper()
	out, err := exec.Command("dpkg-deb", args...).CombinedOutput()
	if err != nil {
		tb.Fatalf("dpkg-deb %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestReproducible builds the package twice and compares every byte.
func TestReproducible(t *testing.T) {
	t.Parallel()
	first, err := os.ReadFile(debFile(t))
	if err != nil {
		t.Fatal(err)
	}
	path, err := build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Errorf("two builds differ; what they have:\n%s", cmp.Diff(dpkgDeb(t, "-c", debFile(t)), dpkgDeb(t, "-c", path)))
	}
}

// TestContents looks at what is in the package: whose it is, what may be executed, and that nothing is missing.
func TestContents(t *testing.T) {
	t.Parallel()
	modes := map[string]string{}
	for line := range strings.Lines(dpkgDeb(t, "-c", debFile(t))) {
		f := strings.Fields(line)
		if len(f) != 6 || f[1] != "root/root" {
			t.Errorf("%q", line)
			continue
		}
		modes[strings.TrimPrefix(f[5], ".")] = f[0]
	}
	special := map[string]string{
		"/usr/bin/cgnctl": "-rwxr-xr-x", "/usr/sbin/cgnd": "-rwxr-xr-x", "/var/lib/cgnd/": "drwxr-x---", "/var/log/cgnd/": "drwxr-x---",
	}
	for path, mode := range modes {
		want := special[path]
		switch {
		case want != "":
		case strings.HasSuffix(path, "/"):
			want = "drwxr-xr-x"
		default:
			want = "-rw-r--r--"
		}
		if mode != want {
			t.Errorf("%s %s, want %s", mode, path, want)
		}
	}
	for _, path := range []string{
		"/usr/bin/cgnctl", "/usr/sbin/cgnd", "/var/lib/cgnd/", "/var/log/cgnd/", "/etc/cgnd/cgnd.yaml", "/usr/lib/systemd/system/cgnd.service",
		"/usr/share/man/man8/cgnd.8.gz", "/usr/share/man/man5/cgnd.yaml.5.gz", "/usr/share/man/man1/cgnctl.1.gz", "/usr/share/man/man1/cgnctl-trace.1.gz",
		"/usr/share/bash-completion/completions/cgnctl", "/usr/share/bash-completion/completions/cgnd",
		"/usr/share/zsh/vendor-completions/_cgnctl", "/usr/share/zsh/vendor-completions/_cgnd",
		"/usr/share/fish/vendor_completions.d/cgnctl.fish", "/usr/share/fish/vendor_completions.d/cgnd.fish",
		"/usr/share/doc/cgnkit/copyright", "/usr/share/doc/cgnkit/changelog.gz", "/usr/share/doc/cgnkit/operations.md",
		"/usr/share/doc/cgnkit/monitoring/cgnkit.rules.yml",
	} {
		if modes[path] == "" {
			t.Errorf("%s is missing", path)
		}
	}
	want := strings.Replace(version.Release, "-", "~", 1)
	if got := strings.TrimSpace(dpkgDeb(t, "-f", debFile(t), "Version")); got != want {
		t.Errorf("version %s, want %s", got, want)
	}
}

// repack makes a package of a higher version out of the one that was built, with a change.
func repack(t *testing.T, ver string, change func(root string)) string {
	t.Helper()
	folder := t.TempDir()
	root := filepath.Join(folder, "root")
	dpkgDeb(t, "-R", debFile(t), root)
	control := filepath.Join(root, "DEBIAN", "control")
	text, err := os.ReadFile(control)
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?m)^Version: .*$`).ReplaceAll(text, []byte("Version: "+ver))
	if err := os.WriteFile(control, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(root)
	}
	path := filepath.Join(folder, "cgnkit_"+ver+".deb")
	dpkgDeb(t, "--root-owner-group", "-Zgzip", "-z1", "-b", root, path)
	return path
}

// put copies a package into the box.
func (b *box) put(path string) string {
	b.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	name := "/root/" + filepath.Base(path)
	b.write(name, string(text))
	return name
}

// others are files that change with any package: what dpkg notes, what groups were before, and the packages themselves.
var others = map[string]bool{"/var/lib/dpkg": true, "/var/log/dpkg.log": true, "/etc/group-": true, "/etc/gshadow-": true, "/root": true}

// changed returns what the box has otherwise than this system: what is new, gone, or has other contents, mode or owner.
func (b *box) changed() (all []string) {
	b.Helper()
	upper := b.path("/run/upper")
	err := filepath.WalkDir(upper, func(path string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, upper)
		switch {
		case err != nil:
			return err
		case others[name] && d.IsDir():
			return filepath.SkipDir
		case !others[name] && !same(name, path):
			all = append(all, name+" "+d.Type().String())
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return all
}

// same reports whether two files are the same.
func same(one, other string) bool {
	a, errA := os.Lstat(one)
	z, errZ := os.Lstat(other)
	if errZ == nil && z.Mode()&fs.ModeCharDevice != 0 {
		return errA != nil // a whiteout: the box has nothing there
	}
	if errA != nil || errZ != nil || a.Mode() != z.Mode() || owner(a) != owner(z) {
		return one == "" // the root of the upper layer has a name of its own
	}
	if !a.Mode().IsRegular() {
		return true
	}
	text, errA := os.ReadFile(one)
	also, errZ := os.ReadFile(other)
	return errA == nil && errZ == nil && bytes.Equal(text, also)
}

func owner(i fs.FileInfo) [2]uint32 {
	s := i.Sys().(*syscall.Stat_t)
	return [2]uint32{s.Uid, s.Gid}
}

// TestInstall installs, upgrades, removes and purges the package where no systemd runs.
func TestInstall(t *testing.T) {
	needRoot(t)
	b := newBox(t, netnstest.New(t), "sleep", "infinity")
	before := b.changed()

	said := b.run("dpkg -i " + b.put(debFile(t)))
	if !strings.Contains(said, "not started, because there is nothing to follow yet:\ncgnd: ") || !strings.Contains(said, "/var/lib/cgnd/ledger.jsonl") {
		t.Errorf("the package said %q", said)
	}
	if got := b.run("dpkg -V cgnkit"); got != "" {
		t.Errorf("files are not what the package says: %s", got)
	}
	b.says("getent group cgnd", "cgnd:")
	b.says("cgnctl version -o json", version.Release)
	b.says("cgnd version", version.Release)
	b.run("systemd-analyze verify --man=no /usr/lib/systemd/system/cgnd.service")
	b.run("mkdir /tmp/man && cp /usr/share/man/man?/cgn*.gz /tmp/man && gunzip /tmp/man/* && mandoc -T lint -W error /tmp/man/*")
	b.says("bash -c 'for name in cgnd cgnctl; do . /usr/share/bash-completion/completions/$name; done; complete -p cgnd cgnctl'", " cgnctl")
	if out, err := b.try("grep -h ^Documentation= /usr/lib/systemd/system/cgnd.service | grep -o 'man:[^ ]*' | sed 's/man:\\(.*\\)(\\(.\\))/\\/usr\\/share\\/man\\/man\\2\\/\\1.\\2.gz/' | xargs ls"); err != nil || !strings.Contains(out, "cgnd.8.gz") {
		t.Errorf("pages that the unit names: %v\n%s", err, out)
	}

	// A conffile that was changed stays, whatever an upgrade brings.
	const mine = "plan: /etc/cgnd/mine.yaml\n"
	b.write("/etc/cgnd/cgnd.yaml", mine)
	b.run("dpkg -i " + b.put(repack(t, "98", nil)))
	if got := b.read("/etc/cgnd/cgnd.yaml"); got != mine {
		t.Errorf("the upgrade changed the configuration: %q", got)
	}
	b.run("dpkg --force-confdef --force-confold -i " + b.put(repack(t, "99", func(root string) {
		if err := os.WriteFile(filepath.Join(root, "etc/cgnd/cgnd.yaml"), []byte("plan: /etc/cgnd/theirs.yaml\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	})))
	if got := b.read("/etc/cgnd/cgnd.yaml"); got != mine || !b.has("/etc/cgnd/cgnd.yaml.dpkg-dist") {
		t.Errorf("the upgrade with another configuration changed it: %q", got)
	}

	b.run("dpkg -r cgnkit")
	if b.has("/usr/sbin/cgnd") || b.has("/usr/share/doc/cgnkit") || !b.has("/etc/cgnd/cgnd.yaml") {
		t.Error("removing leaves the configuration and nothing else")
	}
	b.run("dpkg -P cgnkit")
	if diff := cmp.Diff(before, b.changed()); diff != "" {
		t.Errorf("purging leaves something (-before +after):\n%s", diff)
	}
	if out, err := b.try("getent group cgnd"); err == nil {
		t.Errorf("the group is left: %s", out)
	}

	// A ledger and an audit log are never purged.
	b.run("dpkg -i " + b.put(debFile(t)))
	b.run("cgnctl ledger add -c /usr/share/doc/cgnkit/examples/br-1to32.yaml --ledger /var/lib/cgnd/ledger.jsonl --from 2026-01-01T00:00:00Z")
	b.write("/var/log/cgnd/audit.jsonl", "{}\n")
	b.says("cgnd --check -c /etc/cgnd/cgnd.yaml", "epoch 1 of /var/lib/cgnd/ledger.jsonl")
	said = b.run("dpkg -P cgnkit")
	for _, left := range []string{"/var/lib/cgnd", "/var/log/cgnd"} {
		if !strings.Contains(said, left+" is not empty and is left") {
			t.Errorf("%s is not named: %q", left, said)
		}
	}
	if !b.has("/var/lib/cgnd/ledger.jsonl") || !b.has("/var/log/cgnd/audit.jsonl") || b.has("/etc/cgnd") {
		t.Error("purging leaves ledger and audit log and nothing else")
	}
}
