package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/planfile"
)

// sources are the --subscribers arguments: ranges in order, and where each came from.
type sources struct {
	ranges []alloc.AddrRange
	parts  []part
}

// A part is one item of --subscribers: the ranges from number start on.
type part struct {
	start int
	text  string
	list  *planfile.List // for a file
}

// sharedSpace is 100.64.0.0/10 (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// readSources reads every item of --subscribers.
func (e *env) readSources(args []string) (sources, error) {
	var s sources
	for _, text := range items(args) {
		p := part{start: len(s.ranges), text: text}
		ranges, list, err := e.readSource(text)
		if err != nil {
			return s, err
		}
		p.list = list
		s.ranges = append(s.ranges, ranges...)
		s.parts = append(s.parts, p)
	}
	return s, nil
}

// items splits repeated, comma-separated arguments.
func items(args []string) []string {
	var out []string
	for _, a := range args {
		for item := range strings.SplitSeq(a, ",") {
			out = append(out, strings.TrimSpace(item))
		}
	}
	return out
}

// readSource reads one item: an address, prefix or range; a number N, the first N addresses of 100.64.0.0/10; a file; "-".
func (e *env) readSource(text string) ([]alloc.AddrRange, *planfile.List, error) {
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		r, err := firstOfShared(n)
		return []alloc.AddrRange{r}, nil, err
	}
	r, err := alloc.ParseAddrRange(text)
	switch {
	case err == nil:
		return []alloc.AddrRange{r}, nil, nil
	case text == "":
		return nil, nil, badInput("for example --subscribers 100.64.0.0/22", "--subscribers: an item is empty")
	case text == "-":
		l, err := planfile.ReadList(e.stdin, "standard input")
		return rangesOf(l), l, err
	case looksLikeAddress(text):
		return nil, nil, badInput("", "--subscribers: %v", err)
	}
	l, err := planfile.LoadList(text)
	if d := (planfile.Diagnostic{}); errors.As(err, &d) && errors.Is(err, planfile.ErrRead) {
		d.Hint = "--subscribers takes a prefix, address or range, a number, a file, or - for standard input"
		err = d
	}
	return rangesOf(l), l, err
}

func rangesOf(l *planfile.List) []alloc.AddrRange {
	if l == nil {
		return nil
	}
	return l.Ranges
}

// firstOfShared returns the first n addresses of 100.64.0.0/10.
func firstOfShared(n uint64) (alloc.AddrRange, error) {
	all, err := alloc.AddrRangeFromPrefix(sharedSpace)
	if err != nil {
		return all, err
	}
	if n < 1 || n > all.Len() {
		return all, badInput("write the prefixes instead", "--subscribers %d: a number stands for the first addresses of %v, 1 to %d", n, sharedSpace, all.Len())
	}
	b := sharedSpace.Addr().As4()
	last := (uint32(b[0])<<24 | uint32(b[1])<<16) + uint32(n-1)
	return alloc.AddrRangeFrom(sharedSpace.Addr(), netip.AddrFrom4([4]byte{byte(last >> 24), byte(last >> 16), byte(last >> 8), byte(last)}))
}

// looksLikeAddress reports whether somebody who wrote text meant an address and not a file.
func looksLikeAddress(text string) bool {
	return strings.Trim(text, "0123456789./-") == "" || strings.Count(text, ":") > 1
}

// addresses reads items that are addresses, prefixes or ranges.
func addresses(flag string, args []string) ([]alloc.AddrRange, error) {
	var out []alloc.AddrRange
	for _, text := range items(args) {
		r, err := alloc.ParseAddrRange(text)
		if err != nil {
			return nil, badInput("", "--%s: %v", flag, err)
		}
		out = append(out, r)
	}
	return out, nil
}

// explain says where the k-th range came from, for a finding about it.
func (s sources) explain(k int) (where string, d planfile.Diagnostic, isList bool) {
	for _, p := range slices.Backward(s.parts) {
		if k < p.start {
			continue
		}
		if p.list != nil {
			return "", planfile.Diagnostic{File: p.list.Name, Line: int(p.list.Lines[k-p.start])}, true
		}
		return fmt.Sprintf("--subscribers %s", p.text), d, false
	}
	return "--subscribers", d, false
}
