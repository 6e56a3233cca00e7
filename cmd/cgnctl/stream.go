package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

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
	case p.skipEdges || len(p.excludeInside) > 0:
		// Whether an address is an edge or excluded can depend on lines that were not read.
		return badInput("leave --stream out, or those addresses", "--stream takes subscribers as they are listed: it goes with neither --skip-edge-addresses nor --exclude-inside")
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
	s := streamer{rows: e.newRows(format), place: place, name: name, seen: map[uint32]*[4]uint64{}}
	defer s.rows.progress.done()
	scan := planfile.ScanList(in, name, s.entry)
	if err := s.rows.finish(); err != nil || scan != nil {
		return errors.Join(err, scan)
	}
	if s.next == 0 {
		return planfile.EmptyList(name)
	}
	return nil
}

// A streamer assigns positions to subscribers in the order in which they come.
type streamer struct {
	rows  *rows
	place alloc.Placement
	name  string
	next  uint64
	// seen has a bit for every address that came: 32 bytes for each /24 that holds one.
	seen map[uint32]*[4]uint64
}

// entry assigns the addresses of one line.
func (s *streamer) entry(r alloc.AddrRange, line int) error {
	last := r.Last()
	for a := r.First(); ; a = a.Next() {
		if err := s.address(a, line); err != nil {
			return err
		}
		if a == last {
			return nil
		}
	}
}

func (s *streamer) address(a netip.Addr, line int) error {
	b := a.As4()
	network := uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
	block := s.seen[network]
	if block == nil {
		block = new([4]uint64)
		s.seen[network] = block
	}
	if block[b[3]/64]>>(b[3]%64)&1 != 0 {
		return s.refuse(line, "list every address once", "inside address %v is listed twice", a)
	}
	block[b[3]/64] |= 1 << (b[3] % 64)
	al, err := s.place.Assign(s.next, a)
	switch {
	case errors.Is(err, alloc.ErrCapacity):
		return s.refuse(line, "use more outside addresses or fewer ports per subscriber", "more subscribers than the %d that fit", s.place.Capacity())
	case err != nil:
		return s.refuse(line, "", "%v", err)
	}
	if s.next == 0 {
		if err := s.rows.header([]string{flagPool}, nil); err != nil {
			return err
		}
	}
	s.next++
	return s.rows.row(al)
}

func (s *streamer) refuse(line int, hint, format string, args ...any) error {
	return planfile.Diagnostic{File: s.name, Line: line, Msg: fmt.Sprintf(format, args...), Hint: hint, Err: planfile.ErrList}
}
