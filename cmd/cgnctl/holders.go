package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/answer"
	"github.com/cgnkit/cgnkit/alloc/holder"
)

// holderFlags name the records that say to whom inside addresses belonged.
type holderFlags struct {
	radius, leases []string
	zone, until    string
	skew           time.Duration
}

func (f *holderFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.radius, "radius", nil, "FreeRADIUS detail file, FILE or REALM=FILE, gz too (repeatable)")
	cmd.Flags().StringArrayVar(&f.leases, "leases", nil, "Kea lease file (CSV) of DHCPv4 or DHCPv6, FILE or REALM=FILE, gz too (repeatable)")
	cmd.Flags().StringVar(&f.until, "leases-until", "", "when the --leases file was copied, as it has everything until then; default: at its latest event")
	cmd.Flags().DurationVar(&f.skew, "skew", time.Second, "how far the clocks behind --radius and --leases may be off")
	cmd.Flags().StringVar(&f.zone, "radius-tz", "", "zone of stamps in detail files that have none; default: they are refused")
}

// maxHolderWarnings is how many records that could not be read are named.
const maxHolderWarnings = 5

// read reads the records. Without any the book is nil.
func (f *holderFlags) read(e *env) (*holder.Book, []answer.Input, error) {
	if f.skew < 0 {
		return nil, nil, badInput("", "--skew %v: want 0 or more", f.skew)
	}
	if len(f.radius)+len(f.leases) == 0 {
		return nil, nil, nil
	}
	var o holder.Options
	if f.zone != "" {
		zone, err := loadZone("radius-tz", f.zone)
		if err != nil {
			return nil, nil, err
		}
		o.Zone = zone
	}
	if err := f.takeUntil(&o); err != nil {
		return nil, nil, err
	}
	book := holder.New(holder.Limits{})
	var inputs []answer.Input
	for _, kind := range []struct {
		name  string
		files []string
		read  func(io.Reader, string, holder.Options) error
	}{{"radius", f.radius, book.ReadRADIUS}, {"leases", f.leases, book.ReadLeases}} {
		for _, arg := range kind.files {
			in, err := e.readHolders(kind.name, arg, o, kind.read)
			if err != nil {
				return nil, nil, badInput("", "--%s: %v", kind.name, err)
			}
			if in.Kind = kind.name; kind.name == "leases" && f.until != "" {
				in.Format = "whole until " + o.Until.Format(time.RFC3339Nano)
			}
			inputs = append(inputs, in)
		}
	}
	e.unreadHolders(book)
	return book, inputs, nil
}

// takeUntil reads until when the lease file has everything. Of several files only one can have been copied then.
func (f *holderFlags) takeUntil(o *holder.Options) (err error) {
	switch {
	case f.until == "":
		return nil
	case len(f.leases) != 1:
		return badInput("without it, each file counts until its latest event", "--leases-until says when one file was copied, and there are %d of --leases", len(f.leases))
	}
	o.Until, err = parseInstant("leases-until", f.until)
	o.Until = o.Until.UTC()
	return err
}

// unreadHolders says which records could not be read: those of an address that is known make it uncertain, the others are counted.
func (e *env) unreadHolders(book *holder.Book) {
	all := book.Warnings()
	for _, w := range all[:min(len(all), maxHolderWarnings)] {
		e.warn([]string{w.String()})
	}
	if c := book.Counts(); c.Rejected > 0 {
		e.warn([]string{fmt.Sprintf("%s could not be read, which makes their addresses uncertain around then; of %d of them not even the address is known",
			plural(uint64(c.Rejected), "record"), c.Unplaced)})
	}
}

// readHolders reads one file.
func (e *env) readHolders(flag, arg string, o holder.Options, read func(io.Reader, string, holder.Options) error) (in answer.Input, err error) {
	o.Realm, in.Name = alloc.DefaultRealm, arg
	if realm, name, ok := strings.Cut(arg, "="); ok && !isFile(arg) {
		o.Realm, in.Name = realm, name
	}
	f, err := e.open(flag, in.Name)
	if err != nil {
		return in, err
	}
	defer func() { _ = f.Close() }()
	if in.Name == "-" {
		in.Name = "standard input"
	}
	h := sha256.New()
	counted := &counter{r: io.TeeReader(f, h)}
	if err := read(counted, in.Name, o); err != nil {
		return in, err
	}
	if _, err := io.Copy(io.Discard, counted); err != nil { // what a form leaves unread belongs to the hash
		return in, err
	}
	in.Bytes, in.SHA256 = counted.n, hex.EncodeToString(h.Sum(nil))
	return in, nil
}

func isFile(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// A counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}
