package daemon

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cgnkit/cgnkit/ebpf"
)

const (
	glanceEvery = 3 * time.Second
	glanceRows  = 16 // outside addresses at a time
)

// glances are what quick looks at the maps of an open instance have found. The zero value is at the beginning.
type glances struct {
	last  time.Time
	all   uint64 // which slots and accounts programs find
	row   int
	small []string         // differences of small maps
	rows  map[int][]string // and of outside addresses, by the first of those that were looked at together
}

// next looks, if it is time to.
func (g *glances) next(d *ebpf.Datapath) error {
	if !g.last.IsZero() && time.Since(g.last) < glanceEvery {
		return nil
	}
	g.last = time.Now()
	all, err := d.Tables()
	if err != nil {
		return err
	}
	var small, rows []string
	next, err := d.Glance(g.row, glanceRows, func(x ebpf.Difference) {
		if strings.HasPrefix(x.What, "map ") {
			small = append(small, x.String())
		} else {
			rows = append(rows, x.String())
		}
	})
	if err != nil {
		return err
	}
	if g.rows == nil {
		g.rows = make(map[int][]string)
	}
	g.all = all
	if g.small, g.rows[g.row] = small, rows; len(rows) == 0 {
		delete(g.rows, g.row)
	}
	g.row = next
	return nil
}

// appendTo writes what was found, as a part of a mark.
func (g *glances) appendTo(b *strings.Builder) {
	fmt.Fprintf(b, " %x", g.all)
	for _, d := range g.small {
		fmt.Fprintf(b, " %q", d)
	}
	for _, row := range slices.Sorted(maps.Keys(g.rows)) {
		fmt.Fprintf(b, " %q", g.rows[row])
	}
}
