package rulefile

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cgnkit/cgnkit/portset"
)

// A vyosForward is a rule of nat destination, which forwards ports.
type vyosForward struct {
	line     int
	to       forward
	forwards bool // it says where packets go
	excluded bool // or that they go on
	in       incoming
}

// forward reads a path of nat destination. What else a rule matches makes it take fewer packets, and is not heeded.
func (x *vyosReader) forward(path []string) {
	if len(path) < 4 || path[1] != "rule" {
		return
	}
	r := x.forwards[path[2]]
	if r == nil {
		r = &vyosForward{line: x.in.line, in: incoming{src: []span{everything}, dest: []span{everything}, mask: allProto}}
		x.forwards[path[2]] = r
	}
	rest := path[4:]
	switch word := path[3]; {
	case word == "disable", word == "exclude":
		r.excluded = true
	case word == "protocol" && len(rest) == 1:
		name, not := strings.CutPrefix(rest[0], "!")
		if m, ok := protoOf([]byte(name)); ok && not {
			r.in.mask = m.invert()
		} else if ok {
			r.in.mask = m
		}
	case word == "destination" && len(rest) == 2:
		r.destination(rest[0], rest[1])
	case (word == "translation" || word == "load-balance") && len(rest) > 0:
		r.translation(word, rest)
	}
}

// destination reads where packets come to. Groups, and what is not understood, are all.
func (r *vyosForward) destination(what, text string) {
	switch what {
	case "address":
		text, not := strings.CutPrefix(text, "!")
		s, ok := parseSpan([]byte(text))
		switch {
		case ok && not:
			r.in.dest = complement([]span{s})
		case ok:
			r.in.dest = []span{s}
		}
	case "port":
		if ports, ok := portsText(text); ok {
			r.in.ports = ports
			r.in.set, _ = portset.ParseSet(ports)
		}
	}
}

// translation reads where packets go.
func (r *vyosForward) translation(word string, rest []string) {
	if word == "translation" && len(rest) == 2 && rest[0] == "address" {
		r.to = forwardTo("nat destination to", rest[1])
	} else if !r.to.known {
		r.to.text = strings.Join(append([]string{"nat destination", word}, rest...), " ")
	}
	r.forwards = true
}

// judgeForwards adds conditions where rules of nat destination send what comes to a share to somebody else.
func (x *vyosReader) judgeForwards(to *collector) {
	var list []*vyosForward
	for _, r := range x.forwards {
		if r.forwards && !r.excluded {
			list = append(list, r)
		}
	}
	if len(list) == 0 || len(to.entries) == 0 {
		return
	}
	slices.SortFunc(list, func(a, b *vyosForward) int { return cmp.Compare(a.line, b.line) })
	f := newForwarding(to)
	for _, r := range list {
		if f.tooLong() {
			f.unjudged(r.line)
			return
		}
		f.judge(r.line, r.to, r.in)
	}
}
