package api

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A badDisk is a file that fails in some way.
type badDisk struct {
	*os.File
	room    int  // bytes that are left
	noSync  bool // the disk does not take what was written
	synced  *int
	written *int // bytes since the last Sync
}

func (d badDisk) Write(b []byte) (int, error) {
	if len(b) > d.room {
		n, _ := d.File.Write(b[:d.room])
		return n, syscall.ENOSPC
	}
	*d.written += len(b)
	return d.File.Write(b)
}

func (d badDisk) Sync() error {
	if d.noSync {
		return syscall.EIO
	}
	*d.synced++
	*d.written = 0
	return d.File.Sync()
}

// TestAuditIsDurable has every line be on the disk before a trace is answered, and a disk that is full or fails leave no part of one.
func TestAuditIsDurable(t *testing.T) {
	const path = "/v1/trace?outside=198.18.0.0&port=2100&case=1&reason=r"
	disk := badDisk{room: 1 << 20, synced: new(int), written: new(int)}
	c := serveWith(t, &fakeDaemon{plan: samplePlan(t, "198.18.0.0/30")}, func(o *Options) {
		o.Audit.wrap = func(f *os.File) auditFile {
			disk.File = f
			return disk
		}
	})
	ask := func(want int) {
		t.Helper()
		if code, a := c.ask("GET", path, nil); code != want || *disk.written != 0 && want == 200 {
			t.Errorf("%d %v with %d bytes that are not on the disk, want %d", code, a, *disk.written, want)
		}
	}
	ask(200)
	ask(200)
	if *disk.synced != 2 {
		t.Errorf("2 lines, and the disk was told %d times", *disk.synced)
	}
	before, err := os.ReadFile(c.audit)
	if err != nil {
		t.Fatal(err)
	}
	disk.room = 20
	ask(503)
	disk.room, disk.noSync = 1<<20, true
	ask(503)
	after, err := os.ReadFile(c.audit)
	if err != nil {
		t.Fatal(err)
	}
	if string(after) != string(before) || strings.Count(string(after), "\n") != 2 {
		t.Errorf("of what was not answered there is something:\n%s", after)
	}
	disk.noSync = false
	if ask(200); len(c.auditLines()) != 3 {
		t.Errorf("%v", c.auditLines())
	}
}

// TestAuditFolder has the folder be durable when the log was made, also when it was rotated, and no trace be answered before.
func TestAuditFolder(t *testing.T) {
	const path = "/v1/trace?outside=198.18.0.0&port=2100&case=1&reason=r"
	synced, fails := 0, error(nil)
	c := serveWith(t, &fakeDaemon{plan: samplePlan(t, "198.18.0.0/30")}, func(o *Options) {
		o.Audit.sync = func(folder string) error {
			if folder != filepath.Dir(o.Audit.path) {
				t.Error(folder)
			}
			if fails == nil {
				synced++
			}
			return fails
		}
	})
	ask := func(want, times int) {
		t.Helper()
		if code, a := c.ask("GET", path, nil); code != want || synced != times {
			t.Errorf("%d %v, and the folder is durable %d times, want %d and %d", code, a, synced, want, times)
		}
	}
	fails = syscall.EIO
	ask(503, 0)
	fails = nil
	ask(200, 1)
	ask(200, 1)
	if err := os.Rename(c.audit, c.audit+".1"); err != nil {
		t.Fatal(err)
	}
	ask(200, 2)
}

// TestAuditMode: nobody but owner and group reads who was looked for.
func TestAuditMode(t *testing.T) {
	a := NewAudit(filepath.Join(t.TempDir(), "audit"))
	if err := a.Check(); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(a.path); err != nil || st.Mode().Perm()&0o027 != 0 || st.Size() != 0 {
		t.Error(st, err)
	}
}

// TestAuditOfAnotherFile has the log be a file of somebody else's: nothing is written to it.
func TestAuditOfAnotherFile(t *testing.T) {
	for text, good := range map[string]bool{
		"": true, `{"time":"2026-03-01T12:00:00Z"}` + "\n": true, `{"ti`: true, "\x00\x00\x00\n": true,
		`{"cgnkit_ledger":1,"seq":1}` + "\n": false, "version: 1\n": false, "x": false,
	} {
		a := NewAudit(filepath.Join(t.TempDir(), "audit"))
		if err := os.WriteFile(a.path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := a.Check(); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
		if err := a.write(auditLine{}); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
		if b, err := os.ReadFile(a.path); err != nil || !good && string(b) != text {
			t.Errorf("%q became %q, %v", text, b, err)
		}
	}
}

// TestAuditApart has the log be another file by whatever name: it is neither written to nor made.
func TestAuditApart(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(at("ledger"), nil, 0o600)) // empty as a log that begins
	must(os.Mkdir(at("real"), 0o700))
	must(os.Symlink(at("real"), at("folder")))
	must(os.Symlink("ledger", at("link")))
	must(os.Symlink(at("link"), at("link to a link")))
	must(os.Link(at("ledger"), at("hard")))
	must(os.Symlink("real/sock", at("to what is not there yet")))
	must(os.Symlink("ledger.pending", at("to what stands beside")))
	must(os.Symlink("real/audit", at("good")))
	others := []File{{Name: "ledger", Path: at("ledger"), Beside: true}, {Name: "listen.unix", Path: at("folder/sock")}, {Name: "policy"}}
	for name, want := range map[string]string{
		"ledger": "ledger", "link": "ledger", "link to a link": "ledger", "hard": "ledger", "ledger.cgnd": "ledger", "to what stands beside": "ledger", "real/sock": "listen.unix",
		"folder/sock": "listen.unix", "to what is not there yet": "listen.unix", "good": "", "audit": "", "folder/audit.2": "", "ledger-audit": "",
	} {
		a := NewAudit(at(name), others...)
		synced := ""
		a.sync = func(folder string) error { synced = folder; return nil }
		for _, err := range []error{a.Apart(), a.Check(), a.write(auditLine{})} {
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), " is "+want+", ") {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
		if text, err := os.ReadFile(at("ledger")); err != nil || len(text) > 0 {
			t.Errorf("%s: %q, %v", name, text, err)
		}
		if name == "good" && synced != at("real") {
			t.Errorf("the folder %s was synced", synced)
		}
	}
	for _, name := range []string{"real/sock", "ledger.pending", "ledger.cgnd"} {
		if _, err := os.Lstat(at(name)); err == nil {
			t.Errorf("%s was made", name)
		}
	}
}
