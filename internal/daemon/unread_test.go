package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// kill ends the daemon in a way in which it writes nothing any more. dir is where the ledger lies.
func (r *rig) kill(dir string) {
	r.Helper()
	name := filepath.Join(dir, filepath.Base(r.path)+ledger.MemorySuffix)
	kept, err := os.ReadFile(name)
	if err != nil {
		r.Fatal(err)
	}
	r.end()
	if err := os.WriteFile(name, kept, 0o600); err != nil {
		r.Fatal(err)
	}
	r.end = func() time.Duration { return 0 }
}

// unreadable are ways in which a ledger in a folder, to which the name that the daemon was given may be a link, cannot be read for a while.
var unreadable = map[string]func(tb testing.TB, path, dir string) (back func() error){
	"away":      func(tb testing.TB, _, dir string) func() error { return moveAway(tb, filepath.Join(dir, "l.jsonl")) },
	"link away": func(tb testing.TB, path, _ string) func() error { return moveAway(tb, path) },
	"damaged": func(tb testing.TB, _, dir string) func() error {
		name := filepath.Join(dir, "l.jsonl")
		was, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(name, append(was, "what is this?\n"...), 0o600)
		}
		if err != nil {
			tb.Fatal(err)
		}
		return func() error { return os.WriteFile(name, was, 0o600) }
	},
}

func moveAway(tb testing.TB, name string) (back func() error) {
	if err := os.Rename(name, name+".away"); err != nil {
		tb.Fatal(err)
	}
	return func() error { return os.Rename(name+".away", name) }
}

// linked has the ledger lie in a folder of its own, and returns that.
func (r *rig) linked() (dir string) {
	dir = filepath.Join(filepath.Dir(r.path), "data")
	name := filepath.Join(dir, filepath.Base(r.path))
	if err := os.Mkdir(dir, 0o700); err != nil {
		r.Fatal(err)
	}
	if err := os.Symlink(name, r.path); err != nil {
		r.Fatal(err)
	}
	return dir
}

// TestByHandWhileUnread has somebody give the kernel another plan for an hour while the ledger cannot be read, and the daemon end or be killed before it can
// be again. The plan is gone by the next start: it is possible for that hour nevertheless, and at once when the ledger is back, by cgnctl, too.
func TestByHandWhileUnread(t *testing.T) {
	for name, away := range unreadable {
		for _, killed := range []bool{false, true} {
			for _, report := range []bool{false, true} {
				t.Run(name, func(t *testing.T) {
					var dir string
					inBubble(t, "l.jsonl", func(r *rig) {
						dir = r.linked()
						r.options.Report = report
						r.add(1, 0)
					}, func(r *rig) {
						r.after(10 * time.Minute)
						back := away(t, r.path, dir)
						r.after(20 * time.Second)
						r.byHand(2)
						if s := r.after(time.Hour); problem(s, "source") == "" || problem(s, "memory") != "" {
							t.Error(s.Problems)
						}
						at := r.now().Add(-30 * time.Minute)
						if killed {
							r.kill(dir)
						} else {
							r.end()
						}
						r.byHand(1)
						if err := back(); err != nil {
							t.Fatal(err)
						}
						file, err := ledger.Open(r.path)
						if err == nil {
							err = file.Heed(r.now())
						}
						if err != nil {
							t.Fatal(err)
						}
						if got := r.plansAt(file, ledger.Question{From: at, To: at}); len(got) != 2 {
							t.Errorf("killed %t: by cgnctl plans %v are possible", killed, got)
						}
						file.Close()
						r.restart(func() {})
						if s := r.after(10 * time.Minute); !s.Healthy || !s.Unsure.IsZero() {
							t.Errorf("%+v", s)
						}
						r.unknown(at, true)
						r.unknown(r.now(), false)
						r.unknown(at.Add(-31*time.Minute), false)
						r.end()
					})
				})
			}
		}
	}
}

// TestBegunWhileUnread has the daemon begin while the ledger cannot be read, and somebody give the kernel another plan for an hour of that: it is possible
// for that hour, whether this daemon reads the ledger in the end, or the next one.
func TestBegunWhileUnread(t *testing.T) {
	for name, away := range unreadable {
		for _, end := range []string{"lives", "ends", "is killed"} {
			if name == "link away" && end != "lives" {
				continue // nobody knows where the ledger lies
			}
			t.Run(name+", "+end, func(t *testing.T) {
				var dir string
				inBubble(t, "l.jsonl", func(r *rig) { dir = r.linked(); r.add(1, 0) }, func(r *rig) {
					r.after(10 * time.Minute)
					r.end()
					back := away(t, r.path, dir)
					r.end = func() time.Duration { return 0 }
					r.restart(func() {})
					r.after(5 * time.Minute)
					before := r.now()
					r.byHand(2)
					if s := r.after(time.Hour); problem(s, "source") == "" || (problem(s, "memory") != "") != (name == "link away") {
						t.Error(s.Problems)
					}
					at := r.now().Add(-30 * time.Minute)
					switch end {
					case "ends":
						r.end()
					case "is killed":
						r.kill(dir)
					}
					r.byHand(1)
					r.after(2 * time.Second)
					if err := back(); err != nil {
						t.Fatal(err)
					}
					if end != "lives" {
						file, err := ledger.Open(r.path)
						if err == nil {
							err = file.Heed(r.now())
						}
						if err != nil {
							t.Fatal(err)
						}
						if got := r.plansAt(file, ledger.Question{From: at, To: at}); len(got) != 2 {
							t.Errorf("by cgnctl plans %v are possible", got)
						}
						file.Close()
						r.restart(func() {})
					}
					s := r.after(time.Minute)
					if !s.Healthy || !s.Unsure.IsZero() {
						t.Errorf("%+v", s)
					}
					r.unknown(at, true)
					r.unknown(r.now(), false)
					r.unknown(before.Add(-2*time.Second), false)
					r.end()
				})
			})
		}
	}
}

// TestNothingBeside begins while the ledger cannot be read, and beside nothing, or what is no memory: that what is seen is lost is a problem, unless it is
// nothing.
func TestNothingBeside(t *testing.T) {
	for has, want := range map[string]string{"": "nothing stands beside it", "garbage": "this is not what cgnd writes"} {
		inBubble(t, "l.jsonl", func(r *rig) {
			if has != "" {
				if err := os.WriteFile(r.path+ledger.MemorySuffix, []byte(has), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}, func(r *rig) {
			if s := r.after(time.Minute); problem(s, "source") == "" || problem(s, "memory") != "" {
				t.Errorf("%+v", s)
			}
			r.byHand(2)
			if s := r.after(time.Minute); !strings.Contains(problem(s, "memory"), want) {
				t.Errorf("%+v", s)
			}
			r.byHand(1)
			r.after(2 * time.Second)
			r.add(1, 0)
			if s := r.after(time.Minute); !s.Healthy || len(s.Problems) > 0 {
				t.Errorf("%+v", s)
			}
			r.end()
		})
	}
}

// TestMemoryAway has the folder of the ledger be away while somebody gives the kernel another plan: that it cannot be noted is a problem, and
// logged at the end; what comes into the place of the folder is left alone, and when it is back it is noted at once.
func TestMemoryAway(t *testing.T) {
	var dir string
	inBubble(t, "l.jsonl", func(r *rig) {
		dir = r.linked()
		r.options.Report = true
		r.add(1, 0)
	}, func(r *rig) {
		r.after(10 * time.Minute)
		if err := os.Rename(dir, dir+".away"); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		r.after(20 * time.Second)
		r.byHand(2)
		if s := r.after(time.Minute); !strings.Contains(problem(s, "memory"), "is away") {
			t.Error(s.Problems)
		}
		at := r.now().Add(-time.Second)
		if all, err := os.ReadDir(dir); err != nil || len(all) > 0 {
			t.Errorf("%v %v", all, err)
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(dir+".away", dir); err != nil {
			t.Fatal(err)
		}
		s := r.after(rereadEvery)
		if problem(s, "memory") != "" || problem(s, "drift") == "" {
			t.Error(s.Problems)
		}
		r.kill(dir)
		r.byHand(1)
		r.restart(func() {})
		r.after(time.Minute)
		r.unknown(at, true)
		r.has(r.d.Snapshot(), 1)
		if err := os.Rename(dir, dir+".away"); err != nil {
			t.Fatal(err)
		}
		r.end()
		if !strings.Contains(r.logged(), "is away, and so is the folder in which it was") {
			t.Errorf("the end says nothing of it: %s", r.logged())
		}
	})
}

// TestLedgerMoves has the ledger be moved to another folder, and its link with it: what is known stands beside it there at once.
func TestLedgerMoves(t *testing.T) {
	var dir string
	inBubble(t, "l.jsonl", func(r *rig) { dir = r.linked(); r.add(1, 0) }, func(r *rig) {
		r.after(10 * time.Minute)
		to := dir + "2"
		b, err := os.ReadFile(r.path)
		if err == nil {
			err = os.Mkdir(to, 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, "l.jsonl"), b, 0o600)
		}
		if err == nil {
			err = os.Symlink(filepath.Join(to, "l.jsonl"), r.path+".new")
		}
		if err == nil {
			err = os.Rename(r.path+".new", r.path)
		}
		if err != nil {
			t.Fatal(err)
		}
		r.after(3 * time.Second)
		if _, err := os.Stat(filepath.Join(to, "l.jsonl"+ledger.MemorySuffix)); err != nil {
			t.Error(err)
		}
		r.end()
	})
}
