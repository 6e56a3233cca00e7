//go:build unix

package planfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// TestSaveTargets saves where something is already: files and links to files are written, anything else stays as it is.
func TestSaveTargets(t *testing.T) {
	spec := alloc.Spec{Pools: []alloc.PoolSpec{{Name: "a", Inside: many(3), Outside: addrs("198.18.0.0/27")}}}
	plan := must(alloc.NewPlan(spec))
	folder := put(t, map[string]string{"real.yaml": "old"})
	if err := os.Symlink("real.yaml", filepath.Join(folder, "link.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := Save(folder+"/link.yaml", spec, plan); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Lstat(folder + "/link.yaml"); err != nil || st.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link became %v, %v", st.Mode(), err)
	}
	if f, err := Load(folder+"/real.yaml", Options{}); err != nil || f.Plan.SHA256() != plan.SHA256() {
		t.Errorf("behind the link: %v", err)
	}
	pipe := folder + "/pipe"
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, os.DevNull, "-", ""} {
		if err := Save(path, spec, plan); err == nil || !strings.HasPrefix(err.Error(), "write ") {
			t.Errorf("Save(%q) = %v", path, err)
		}
	}
	if st, err := os.Lstat(pipe); err != nil || st.Mode()&fs.ModeNamedPipe == 0 {
		t.Errorf("the pipe became %v, %v", st.Mode(), err)
	}
}

// TestSaveKeepsForeignLists does not replace a list that it did not write.
func TestSaveKeepsForeignLists(t *testing.T) {
	spec := alloc.Spec{Pools: []alloc.PoolSpec{{Name: "a", Inside: many(maxInline + 1), Outside: addrs("198.18.0.0/24")}}}
	plan := must(alloc.NewPlan(spec))
	folder := put(t, map[string]string{"plan.a.subscribers": "100.64.0.1\n"})
	want := "write " + folder + "/plan.a.subscribers: it is there and was not written by this command; remove it, or choose another name for the plan"
	if err := Save(folder+"/plan.yaml", spec, plan); err == nil || err.Error() != want {
		t.Errorf("Save = %v, want %s", err, want)
	}
	if got := must(os.ReadFile(folder + "/plan.a.subscribers")); string(got) != "100.64.0.1\n" {
		t.Errorf("the list is now %.40q", got)
	}
	if err := os.Remove(folder + "/plan.a.subscribers"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // its own list it replaces
		if err := Save(folder+"/plan.yaml", spec, plan); err != nil {
			t.Error(err)
		}
	}
}
