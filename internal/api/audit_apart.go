package api

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A File is one that the audit log must not be.
type File struct {
	Name string // what people call it, such as "ledger"
	Path string
	// Beside says that what is called as it with a suffix that begins with a dot belongs to it.
	Beside bool
}

// Apart returns an error where the audit log is one of the files that it must not be, by whatever name: a link to one, or a name of the same file.
func (a *Audit) Apart() error {
	name := realName(a.path)
	for _, f := range a.others {
		if f.Path == "" {
			continue
		}
		other := realName(f.Path)
		if name == other || sameFile(name, other) || f.Beside && strings.HasPrefix(name, other+".") {
			return fmt.Errorf("audit: %s is %s, %s: traces are written to a file of their own", a.path, f.Name, f.Path)
		}
	}
	return nil
}

func sameFile(a, b string) bool {
	s, err := os.Stat(a)
	if err != nil {
		return false
	}
	t, err := os.Stat(b)
	return err == nil && os.SameFile(s, t)
}

// realName returns the file that a path means: links are followed, also one to a file that does not exist yet.
func realName(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	for range 40 {
		if name, err := filepath.EvalSymlinks(path); err == nil {
			return name
		}
		to, err := os.Readlink(path)
		if err != nil { // it does not exist; its folder may be a link
			if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
				return filepath.Join(folder, filepath.Base(path))
			}
			return path
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return path
}
