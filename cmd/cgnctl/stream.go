package main

import (
	"fmt"
	"net/netip"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/planfile"
)

// stream answers subscribers while they are being read.
func (p *policy) stream(e *env, cmd *cobra.Command, format string) error {
	list := items(p.subscribers)
	switch {
	case p.config != "" || p.writePlan != "":
		return badInput("leave --stream out", "--stream goes with neither -c nor --write-plan")
	case len(list) != 1:
		return badInput("for example --stream --subscribers - --sharing-ratio 32", "--stream takes subscribers from one file or standard input")
	case format == "json":
		return badInput("use -o csv or -o ndjson", "--stream cannot print json, which starts with a summary of the plan")
	}
	pool, keys, err := p.pool(cmd)
	if err != nil {
		return err
	}
	place, err := alloc.NewPlacement(pool, keys...)
	if err != nil {
		return inFlagWords(err, sources{})
	}
	in, name := e.stdin, "standard input"
	if list[0] != "-" {
		f, err := os.Open(list[0])
		if err != nil {
			return badInput("--stream reads a list from a file, or from standard input with -", "--subscribers: %v", err)
		}
		defer f.Close()
		in, name = f, list[0]
	}
	s := streamer{rows: e.newRows(format), place: place, pool: pool, name: name, seen: map[uint16]*[1024]uint64{}}
	if err := s.rows.header([]string{pool.Name}, nil); err != nil {
		return err
	}
	defer s.rows.progress.done()
	scan := planfile.ScanList(in, name, s.entry)
	if err := s.rows.finish(); err != nil {
		return err
	}
	return scan
}

// A streamer assigns positions to subscribers in the order in which they come.
type streamer struct {
	rows  *rows
	place alloc.Placement
	pool  alloc.PoolSpec
	name  string
	next  uint64
	// seen has a bit for every address that came: 8 KiB for each /16 that holds one.
	seen map[uint16]*[1024]uint64
}

// entry assigns the addresses of one line.
func (s *streamer) entry(r alloc.AddrRange, line int) error {
	last := r.Last()
	for a := r.First(); ; a = a.Next() {
		if !s.excluded(a, r) {
			if err := s.address(a, line); err != nil {
				return err
			}
		}
		if a == last {
			return nil
		}
	}
}

// excluded reports whether an address is no subscriber.
func (s *streamer) excluded(a netip.Addr, r alloc.AddrRange) bool {
	if s.pool.SkipEdges && r.IsPrefix() && r.Len() > 2 && (a == r.First() || a == r.Last()) {
		return true
	}
	return slices.ContainsFunc(s.pool.ExcludeInside, func(x alloc.AddrRange) bool { return x.Contains(a) })
}

func (s *streamer) address(a netip.Addr, line int) error {
	b := a.As4()
	block := s.seen[uint16(b[0])<<8|uint16(b[1])]
	if block == nil {
		block = new([1024]uint64)
		s.seen[uint16(b[0])<<8|uint16(b[1])] = block
	}
	low := uint16(b[2])<<8 | uint16(b[3])
	switch {
	case block[low/64]>>(low%64)&1 != 0:
		return s.refuse(line, "list every address once", "inside address %v is listed twice", a)
	case slices.ContainsFunc(s.pool.Outside, func(x alloc.AddrRange) bool { return x.Contains(a) }):
		return s.refuse(line, "an address cannot be on both sides", "inside address %v is also an outside address", a)
	}
	block[low/64] |= 1 << (low % 64)
	al, ok := s.place.Assign(s.next, a)
	if !ok {
		return s.refuse(line, "use more outside addresses or fewer ports per subscriber", "more subscribers than the %d that fit", s.place.Capacity())
	}
	s.next++
	return s.rows.row(al)
}

func (s *streamer) refuse(line int, hint, format string, args ...any) error {
	return planfile.Diagnostic{File: s.name, Line: line, Msg: fmt.Sprintf(format, args...), Hint: hint, Err: planfile.ErrList}
}
