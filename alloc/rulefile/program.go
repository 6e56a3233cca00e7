package rulefile

// A program is what the dialects with chains are read into: chains of rules, as the kernel walks them.
type program struct {
	chains []chain
	byName map[string]int32
	roots  []int32 // chains that packets enter, in order
	ranks  []int   // their priorities; nil where all differ
	sets   *setTable
	conds  []condition // circumstances besides source and protocol; conds[0] is none
	byCond map[string]condID
	atoms  []atom
	byAtom map[string]uint32
	joins  map[[2]condID]condID
	lists  [][]span // sources that are not one span
	maps   []*shareMap

	looked    int          // steps that comparing destinations took
	refusals  []*LineError // by target of rules that are refused
	said      []span       // see name
	joined    int          // how many of them there were when they were joined
	untracked []detoured   // rules that change what all others see
	inward    []int32      // chains that packets enter when they come, before they are translated back
	forwards  []forward    // by target of rules, from 1
}

type chain struct {
	name   string
	line   int
	walked bool   // whether a packet can enter
	drops  bool   // what comes to its end is dropped: the policy of a chain that packets enter
	front  []rule // inserted at the head, the last one first
	rules  []rule
}

// An action is what a rule does with a packet.
type action uint8

const (
	pass    action = iota // goes on: a counter, a log, a mark
	snat                  // to an address, or one to one where out is as long as the source
	lookup                // to what a map says, or as a map of verdicts says
	drop                  // no later rule sees it
	dynamic               // translated without a share
	back                  // return
	jump
	jumpAway // goto: the chain behind it is not gone on with
	refuse   // it cannot be read exactly: an error where a packet meets it
	accept   // no later rule of this hook's chain sees it; the next base chain does
)

// A rule is small: there are millions. The zero src list and cond mean none.
type rule struct {
	line   uint32
	src    span
	out    span
	ports  setID
	target int32 // chain or map
	list   int32 // of sources, in place of src; -1 = none
	cond   condID
	mask   protoMask
	do     action
	netmap bool // out is mapped one to one
	hit    bool // whether a packet met it
	chance bool // one of several rules by chance, which together are one share
}

// newRule matches everything.
func newRule(line int) rule {
	return rule{line: uint32(line), src: everything, list: -1, mask: allProto}
}

func newProgram() *program {
	return &program{byName: map[string]int32{}, sets: newSetTable(), conds: make([]condition, 1), byCond: map[string]condID{"": 0},
		byAtom: map[string]uint32{}, joins: map[[2]condID]condID{}}
}

// chain returns the number of a chain; it is made where there is none.
func (p *program) chain(name string) int32 {
	n, ok := p.byName[name]
	if !ok {
		n = int32(len(p.chains))
		p.chains = append(p.chains, chain{name: name})
		p.byName[name] = n
	}
	return n
}

// list returns the number of a list of sources.
func (p *program) list(spans []span) int32 {
	p.lists = append(p.lists, spans)
	return int32(len(p.lists) - 1)
}

// setSource makes a rule match sources, or everything but them.
func (p *program) setSource(r *rule, spans []span, not bool) {
	if not {
		p.name(spans...)
		spans = complement(spans)
	}
	if r.list < 0 && len(spans) == 1 {
		if s := spans[0]; s.first <= r.src.last && s.last >= r.src.first {
			r.src = span{max(r.src.first, s.first), min(r.src.last, s.last)}
			return
		}
	}
	r.list = p.list(intersect(p.sources(r), spans))
}

// sources returns what a rule matches.
func (p *program) sources(r *rule) []span {
	if r.list >= 0 {
		return p.lists[r.list]
	}
	return []span{r.src}
}

// intersect returns what both lists hold.
func intersect(a, b []span) []span {
	a, b = union(a), union(b)
	var out []span
	for i, j := 0, 0; i < len(a) && j < len(b); {
		if s := (span{max(a[i].first, b[j].first), min(a[i].last, b[j].last)}); s.first <= s.last {
			out = append(out, s)
		}
		if a[i].last < b[j].last {
			i++
		} else {
			j++
		}
	}
	return out
}

// A shareMap is a map of nftables: what becomes of whom.
type shareMap struct {
	name     string
	declared bool
	line     int
	foreign  bool // of something else than shares or verdicts
	err      *LineError
	kind     *mapType
	joined   bool // keys have a bucket: elements of one source are one share
	elements []mapElement
}

// A mapElement is an element of a map: a share, or a verdict.
type mapElement struct {
	key    span
	out    span
	ports  setID
	target int32
	line   uint32
	bucket uint32
	mask   protoMask
	do     action // snat, or a verdict
	hit    bool   // whether a packet met it

	catchAll bool // "*": whom no other element matches
}
