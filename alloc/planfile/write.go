package planfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
)

// maxInline is the number of inside ranges, or shares, up to which Save writes them into the plan file itself.
const maxInline = 1000

// Save writes spec as a plan file at path. plan is what alloc.NewPlan made of spec: sizes that were derived are written out,
// so that a longer list later moves nobody. A pool with more than 1,000 inside ranges or shares has them in a file of their own
// beside the plan, named after the plan and the pool. Each file is there whole or not at all.
func Save(path string, spec alloc.Spec, plan *alloc.Plan) error {
	if _, err := target(path); err != nil {
		return err // before a list is written
	}
	lists := map[int]string{}
	for i, s := range spec.Pools {
		suffix, mark, content := ".subscribers", listMark, writeList
		switch {
		case len(s.Shares) > maxInline:
			suffix, mark, content = ".shares.csv", sharesMark, writeShares
		case len(s.Inside) <= maxInline:
			continue
		}
		base := strings.TrimSuffix(path, filepath.Ext(path)) + "." + s.Name + suffix
		if err := replaceable(base, mark); err != nil {
			return err
		}
		if err := replace(base, func(w io.Writer) error { return content(w, s) }); err != nil {
			return err
		}
		lists[i] = filepath.Base(base)
	}
	return replace(path, func(w io.Writer) error { return write(w, spec, plan, lists) })
}

// Write writes spec as a plan file, all ranges included. See Save.
func Write(w io.Writer, spec alloc.Spec, plan *alloc.Plan) error { return write(w, spec, plan, nil) }

// target returns the file that writing to path writes to: links are followed. What is there and is no file (a device, a pipe,
// a folder) is refused: renaming would take its place.
func target(path string) (string, error) {
	if path == "" || path == "-" {
		return "", fmt.Errorf("write %q: name a file", path)
	}
	if name, err := filepath.EvalSymlinks(path); err == nil {
		path = name
	}
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return "", fmt.Errorf("write %s: it is there and is no file", path)
	}
	return path, nil
}

// replace writes a file beside path and renames it into place.
func replace(path string, content func(io.Writer) error) error {
	name, err := target(path)
	if err != nil {
		return err
	}
	if err := writeAndRename(name, content); err != nil {
		return fmt.Errorf("write %s: %w", path, cause(err))
	}
	return nil
}

func writeAndRename(name string, content func(io.Writer) error) (err error) {
	f, err := createBeside(name)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	bw := bufio.NewWriter(f)
	if err := content(bw); err != nil {
		return err
	}
	if err := bw.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// createBeside creates a new file in the folder of name, with the permissions that a new file has here.
func createBeside(name string) (*os.File, error) {
	for i := 0; ; i++ {
		f, err := os.OpenFile(fmt.Sprintf("%s.new%d", name, i), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, os.ErrExist) || i == 1000 {
			return f, err
		}
	}
}

// How a list starts that Save wrote, and may replace.
const (
	listMark   = "# subscribers of pool "
	sharesMark = "# shares of pool "
)

// replaceable refuses to replace a list that somebody else wrote.
func replaceable(path, mark string) error {
	f, err := os.Open(path)
	if err != nil {
		return nil // there is none, or writing will say what is wrong
	}
	defer f.Close()
	start := make([]byte, len(mark))
	if _, err := io.ReadFull(f, start); err != nil || string(start) != mark {
		return fmt.Errorf("write %s: it is there and was not written by this command; remove it, or choose another name for the plan", path)
	}
	return nil
}

func writeList(w io.Writer, s alloc.PoolSpec) error {
	if _, err := fmt.Fprintf(w, listMark+"%s, in order\n", s.Name); err != nil {
		return err
	}
	for _, r := range s.Inside {
		if _, err := fmt.Fprintln(w, r); err != nil {
			return err
		}
	}
	return nil
}

// writeShares writes CSV as cgnctl allocate does.
func writeShares(w io.Writer, s alloc.PoolSpec) error {
	if _, err := fmt.Fprintf(w, sharesMark+"%s, in order\n%s\n", s.Name, strings.Join(shareKeys, ",")); err != nil {
		return err
	}
	for _, e := range s.Shares {
		ports := e.Ports.String()
		if strings.Contains(ports, ",") {
			ports = `"` + ports + `"`
		}
		if _, err := fmt.Fprintf(w, "%v,%v,%s\n", e.Inside, e.Outside, ports); err != nil {
			return err
		}
	}
	return nil
}

func write(w io.Writer, spec alloc.Spec, plan *alloc.Plan, lists map[int]string) error {
	bw := bufio.NewWriter(w)
	fmt.Fprintf(bw, "# cgnkit plan, see docs/plan-format.md\nversion: %d\n", Version)
	if len(spec.NoTranslate) > 0 {
		fmt.Fprint(bw, "no-translate:\n")
		for _, d := range spec.NoTranslate {
			fmt.Fprintf(bw, "  - %s\n", d)
		}
	}
	if len(spec.Pools) > 0 {
		fmt.Fprint(bw, "pools:\n")
	}
	i := 0
	for p := range plan.Pools() {
		writePool(bw, spec.Pools[i], p, lists[i])
		i++
	}
	writeSoftwires(bw, spec.Softwires)
	return bw.Flush() // a bufio.Writer keeps the first error
}

func writePool(w *bufio.Writer, s alloc.PoolSpec, p *alloc.Pool, list string) {
	put := func(key, value string) { fmt.Fprintf(w, "    %s: %s\n", key, value) }
	num := func(key string, n int) {
		if n > 0 {
			put(key, strconv.Itoa(n))
		}
	}
	fmt.Fprintf(w, "  - name: %s\n", quoted(p.Name()))
	if p.Realm() != alloc.DefaultRealm {
		put("realm", quoted(p.Realm()))
	}
	if p.Scheme() == alloc.Explicit {
		put("scheme", p.Scheme().String())
		writeUsable(put, s)
		writeItems(w, "shares", s.Shares, list)
		return
	}
	writeItems(w, "inside", s.Inside, list)
	writeRanges(w, "exclude-inside", s.ExcludeInside)
	writeRanges(w, "outside", s.Outside)
	writeRanges(w, "exclude-outside", s.ExcludeOutside)
	if s.SkipEdges {
		put("skip-edge-addresses", "true")
	}
	put("scheme", p.Scheme().String())
	writeUsable(put, s)
	if l, ok := p.Layout(); ok {
		put("psid-offset", strconv.Itoa(l.Offset()))
		put("psid-length", strconv.Itoa(l.Length()))
	} else {
		num("sharing-ratio", p.SharingRatio())
		num("ports-per-subscriber", p.PortsPerSubscriber())
	}
	num("dynamic-shares", s.DynamicShares)
	num("dynamic-ports", s.DynamicPorts)
	num("step", s.StepSize)
	if s.KeyID != "" {
		put("key-id", strconv.Quote(s.KeyID))
	}
}

// writeUsable writes which ports are usable.
func writeUsable(put func(key, value string), s alloc.PoolSpec) {
	if s.Ports.IsValid() {
		put("ports", quotedPorts(s.Ports.String()))
	}
	if s.Reserve.IsValid() {
		put("reserve", quotedPorts(s.Reserve.String()))
	}
}

// yamlWords are words that YAML 1.1 readers take for something else than text.
var yamlWords = []string{"true", "false", "yes", "no", "on", "off", "null", "y", "n"}

// quoted quotes a name that YAML may take for something else: only those that start with a digit are numbers or dates.
func quoted(s string) string {
	if s == "" || !isLetter(s[0]) || slices.Contains(yamlWords, strings.ToLower(s)) {
		return strconv.Quote(s)
	}
	return s
}

// quotedPorts quotes ports that YAML may take for a number.
func quotedPorts(s string) string {
	if strings.Contains(s, "-") {
		return s
	}
	return strconv.Quote(s)
}

func writeRanges(w *bufio.Writer, key string, ranges []alloc.AddrRange) {
	if len(ranges) > 0 {
		writeItems(w, key, ranges, "")
	}
}

// writeItems writes a list, or the name of the file that has it. No item has a text that YAML takes for something else.
func writeItems[T fmt.Stringer](w *bufio.Writer, key string, items []T, list string) {
	fmt.Fprintf(w, "    %s:\n", key)
	if list != "" {
		fmt.Fprintf(w, "      - file: %s\n", strconv.Quote(list))
		return
	}
	for _, r := range items {
		fmt.Fprintf(w, "      - %v\n", r)
	}
}
