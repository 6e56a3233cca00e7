package live

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/cgnkit/cgnkit/internal/metrics"
)

// Conntrack reads how full the table of flows is. Make one with OpenConntrack.
type Conntrack struct{ count, limit, buckets, stat *os.File }

// OpenConntrack opens the numbers of the network namespace of the calling thread; they stay those of that namespace. The error
// wraps fs.ErrNotExist where conntrack is not loaded.
func OpenConntrack() (*Conntrack, error) {
	c := &Conntrack{}
	for path, f := range map[string]**os.File{
		"/proc/sys/net/netfilter/nf_conntrack_count": &c.count, "/proc/sys/net/netfilter/nf_conntrack_max": &c.limit,
		"/proc/sys/net/netfilter/nf_conntrack_buckets": &c.buckets,
		"/proc/thread-self/net/stat/nf_conntrack":      &c.stat,
	} {
		var err error
		if *f, err = os.Open(path); err != nil {
			c.Close()
			return nil, fmt.Errorf("read the size of conntrack: %w", err)
		}
	}
	return c, nil
}

// Close closes the files.
func (c *Conntrack) Close() {
	for _, f := range []*os.File{c.count, c.limit, c.buckets, c.stat} {
		if f != nil {
			f.Close()
		}
	}
}

// Read returns the numbers as they are now. It takes some microseconds and a few more for each CPU.
func (c *Conntrack) Read() (*metrics.Conntrack, error) {
	out := &metrics.Conntrack{}
	for f, to := range map[*os.File]*uint64{c.count: &out.Entries, c.limit: &out.Limit} {
		var err error
		if *to, err = number(f); err != nil {
			return nil, err
		}
	}
	text, err := whole(c.stat)
	if err != nil {
		return nil, err
	}
	if err := addStat(out, text); err != nil {
		return nil, fmt.Errorf("read %s: %w", c.stat.Name(), err)
	}
	return out, nil
}

// Size returns how many buckets the table of flows has, which all namespaces share, and how many flows of this namespace are in it.
func (c *Conntrack) Size() (buckets, flows uint64, err error) {
	if buckets, err = number(c.buckets); err != nil {
		return 0, 0, err
	}
	flows, err = number(c.count)
	return buckets, flows, err
}

// number reads a file of /proc with a number.
func number(f *os.File) (uint64, error) {
	text, err := whole(f)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return n, nil
}

// maxFile is more than 4,096 CPUs write.
const maxFile = 1 << 20

// whole reads a file of /proc from its beginning.
func whole(f *os.File) (string, error) {
	b, err := io.ReadAll(io.NewSectionReader(f, 0, maxFile))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return string(b), nil
}

var errStat = errors.New("not a table of hexadecimal numbers with the columns drop, early_drop and insert_failed")

// addStat adds up the columns of all CPUs.
func addStat(out *metrics.Conntrack, text string) error {
	head, rows, _ := strings.Cut(text, "\n")
	names := strings.Fields(head)
	for name, to := range map[string]*uint64{"drop": &out.Dropped, "early_drop": &out.EarlyDropped, "insert_failed": &out.InsertsFailed} {
		column := slices.Index(names, name)
		if column < 0 {
			return errStat
		}
		for row := range strings.Lines(rows) {
			fields := strings.Fields(row)
			if len(fields) <= column {
				return errStat
			}
			n, err := strconv.ParseUint(fields[column], 16, 64)
			if err != nil {
				return errStat
			}
			*to += n
		}
	}
	return nil
}
