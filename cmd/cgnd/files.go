package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/alloc/planfile"
	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/ebpf/policyfile"
	"github.com/cgnkit/cgnkit/internal/api"
	"github.com/cgnkit/cgnkit/internal/api/form"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
)

// files reads the files that a configuration names.
type files struct{ c *daemonfile.Config }

// maxKey is how long a file with a key may be.
const maxKey = 1 << 10

// readUpTo reads a regular file.
func readUpTo(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // to open a pipe would wait
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is no regular file", path), err)
	}
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s: it has more than %d bytes", path, most)
	}
	return b, err
}

// keys reads the keys of plans with scheme random.
func (f files) keys() (keys []alloc.Key, err error) {
	for _, path := range f.c.KeyFiles {
		text, err := readUpTo(path, maxKey)
		if err != nil {
			return nil, fmt.Errorf("key-files: %w", err)
		}
		k, err := alloc.ParseKey(string(text))
		if err != nil {
			return nil, fmt.Errorf("key-files: %s: %w", path, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// policies reads the policy file.
func (f files) policies() (all ebpf.Policy, pools map[string]ebpf.Policy, text []byte, err error) {
	if text, err = readUpTo(f.c.Policy, policyfile.MaxBytes); err != nil {
		return all, nil, nil, fmt.Errorf("policy: %w", err)
	}
	p, err := policyfile.Parse(text)
	if err != nil {
		return all, nil, nil, fmt.Errorf("policy: %s: %w", f.c.Policy, err)
	}
	return p.Default, p.Pools, text, nil
}

// portKey reads the key that ports follow from.
func (f files) portKey() (k ebpf.Key, err error) {
	text, err := readUpTo(f.c.PortKey, maxKey)
	if err != nil {
		return k, fmt.Errorf("port-key: %w", err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(b) != len(k) || ebpf.Key(b) == k {
		return k, fmt.Errorf("port-key: %s: want 32 hexadecimal digits, not all of them 0", f.c.PortKey)
	}
	return ebpf.Key(b), nil
}

// checkFiles reads all files of a configuration, and says what would be in force.
func checkFiles(c *daemonfile.Config, stdout io.Writer) error {
	f := files{c}
	keys, err := f.keys()
	if err != nil {
		return err
	}
	if c.Policy != "" {
		if _, _, _, err := f.policies(); err != nil {
			return err
		}
	}
	if c.PortKey != "" {
		if _, err := f.portKey(); err != nil {
			return err
		}
	}
	if err := checkSocket(c.Listen); err != nil {
		return err
	}
	auditNote, err := auditOf(c).Fits()
	if err != nil {
		return err
	}
	if c.Listen.TCP.IsValid() {
		if _, err := api.NewCredentials(c.Listen.Tokens, c.Listen.Certificate, c.Listen.Key); err != nil {
			return fmt.Errorf("listen.tcp: %w", err)
		}
	}
	plan, what, err := planNow(c, keys)
	if err != nil {
		return err
	}
	if err := expressible(c, plan); err != nil {
		return err
	}
	lines := []string{fmt.Sprintf("configuration is valid: backend %s, instance %s, %s, plan sha256 %s", c.Backend, c.Instance, what, plan.SHA256())}
	for _, note := range append([]string{modeNote(c.Listen), ownerNote(c.Listen), folderNote(c.Ledger), auditNote}, targetNotes(c)...) {
		if note != "" {
			lines = append(lines, "note: "+note)
		}
	}
	_, err = io.WriteString(stdout, strings.Join(lines, "\n")+"\n")
	return err
}

// auditOf returns the log of traces, which is no other file of the configuration, nor that itself.
func auditOf(c *daemonfile.Config) *api.Audit {
	others := []api.File{{Name: "the configuration", Path: c.File}}
	for _, f := range c.Files() {
		others = append(others, api.File{Name: f[0], Path: f[1], Beside: f[0] == "ledger"})
	}
	return api.NewAudit(c.Audit, others...)
}

// targetNotes says what else plans of the ledger were applied to: later epochs go to the daemon's own instance alone.
func targetNotes(c *daemonfile.Config) (notes []string) {
	if c.Ledger == "" {
		return nil
	}
	noted, err := ledger.TargetsOf(c.Ledger)
	if err != nil {
		return []string{err.Error()}
	}
	for _, t := range noted {
		if t.Backend == c.Backend && t.Instance == c.Instance {
			continue
		}
		where := ""
		if t.Namespace != "" {
			where = " in network namespace " + t.Namespace
		}
		notes = append(notes, fmt.Sprintf("cgnctl has applied plans of this ledger to instance %s of backend %s%s: if that still translates, later epochs do not come there, "+
			"and the ledger names others for its ports than those who have them; cgnctl remove --backend %s --instance %s ends it", t.Instance, t.Backend, where, t.Backend, t.Instance))
	}
	return notes
}

// addEpoch records an epoch in the ledger, and says who moves by it.
func (f files) addEpoch(en api.NewEpoch) (out form.Added, err error) {
	keys, err := f.keys()
	if err != nil {
		return out, err
	}
	p, err := planfile.Parse("plan", en.Plan, planfile.Options{Keys: keys})
	if err == nil {
		err = expressible(f.c, p.Plan)
	}
	if err != nil {
		return out, fmt.Errorf("%w: %w", api.ErrPlan, err)
	}
	w, err := ledger.EditExisting(f.c.Ledger, keys...)
	if err != nil {
		return out, err
	}
	defer w.Close()
	entry := ledger.Entry{Plan: p.Plan, From: en.From, Now: time.Now().UTC().Truncate(time.Millisecond), By: en.By, Note: en.Note}
	before, known := w.Ledger().Before(entry)
	e, err := w.Add(entry)
	if err != nil {
		return out, err
	}
	out.Epoch = api.EpochOf(w.Ledger(), e)
	if known {
		if older, err := w.Ledger().Plan(before); err == nil { // without it the epoch stands all the same
			d := alloc.Diff(older, p.Plan)
			out.Difference = form.Difference{ComparedWith: &before.Seq, Kept: d.Kept, Moved: d.Moved, Added: d.Added, Removed: d.Removed}
		}
	}
	return out, nil
}

// planNow returns the plan that is to be in force now, and where it comes from.
func planNow(c *daemonfile.Config, keys []alloc.Key) (*alloc.Plan, string, error) {
	if c.Plan != "" {
		p, err := planfile.Load(c.Plan, planfile.Options{Keys: keys, Regular: true})
		if err != nil {
			return nil, "", err
		}
		return p.Plan, "plan " + c.Plan, nil
	}
	led, err := ledger.Open(c.Ledger, keys...)
	if err != nil {
		return nil, "", err
	}
	defer led.Close()
	e, err := led.AtInstant(time.Now())
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", c.Ledger, err)
	}
	plan, err := led.Plan(e)
	return plan, fmt.Sprintf("epoch %d of %s", e.Seq, c.Ledger), err
}
