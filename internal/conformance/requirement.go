package conformance

import "slices"

// A Level is how strongly an RFC asks, in the words of RFC 2119.
type Level string

// Levels. None is for what an RFC describes without asking for it.
const (
	Must      Level = "MUST"
	MustNot   Level = "MUST NOT"
	Should    Level = "SHOULD"
	ShouldNot Level = "SHOULD NOT"
	May       Level = "MAY"
	None      Level = "—"
)

// IsMandatory reports whether a backend that does not meet the requirement is not compliant.
func (l Level) IsMandatory() bool { return l == Must || l == MustNot }

// A Requirement is one thing that an RFC asks for.
type Requirement struct {
	ID    string // "6888-11a": the RFC and a number within it
	Where string // "REQ-11A", where in the RFC it is, for people
	Level Level
	Text  string // in our own words
}

// A Chapter is the requirements of one RFC.
type Chapter struct {
	Title        string
	Requirements []Requirement
}

// Catalogue returns all requirements, by RFC.
func Catalogue() []Chapter {
	return []Chapter{
		{"RFC 6888: carrier-grade NAT", rfc6888()},
		{"RFC 4787: UDP", rfc4787()},
		{"RFC 5382: TCP", rfc5382()},
		{"RFC 5508: ICMP", rfc5508()},
		{"RFC 7857: updates to all of the above", rfc7857()},
		{"RFC 6056, 6302, 6269, 6598, 7768: ports, logs, sharing, address space", sharing()},
		{"RFC 7422: deterministic CGN", rfc7422()},
	}
}

// Requirements returns the requirements of all chapters.
func Requirements() []Requirement {
	var out []Requirement
	for _, c := range Catalogue() {
		out = slices.Concat(out, c.Requirements)
	}
	return out
}
