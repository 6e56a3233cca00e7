package holder

import (
	"strings"
)

// A Status is the kind of an Answer.
type Status uint8

const (
	// One means: throughout the time that was asked for, exactly this person had the address, for certain.
	One Status = iota + 1
	// Nobody means: the records before and after leave the address free, and the file that would tell of others was being written.
	Nobody
	// Several means: two or more people can have had it.
	Several
	// Uncertain means: at most one person is known who can have had it, but not for certain, or the records do not reach.
	Uncertain
)

var statusNames = [...]string{One: "one", Nobody: "nobody", Several: "several", Uncertain: "uncertain"}

// String returns "one", "nobody", "several" or "uncertain".
func (s Status) String() string {
	if s == 0 || int(s) >= len(statusNames) {
		return "invalid Status"
	}
	return statusNames[s]
}

// Reasons are a set of causes why an answer is no certain person. The zero value is the empty set.
type Reasons uint16

const (
	// NoStop means: the session's Stop is missing, and the time lies behind its last record.
	NoStop Reasons = 1 << iota
	// NoStart means: the session's Start is missing, nothing says when it began, and the time lies before its first record.
	NoStart
	// NoAddress means: the session had begun, but none of its records had named the address yet.
	NoAddress
	// Changed means: the session got this address, or left it for another, between two of its records.
	Changed
	// Restarted means: the NAS restarted, and the session ended then at the latest.
	Restarted
	// Clocks means: the stamps of one record contradict each other.
	Clocks
	// Released means: the lease was released at a time that the lease file does not tell.
	Released
	// Declined means: a client found the address in use by somebody unknown.
	Declined
	// Boundary means: a session or lease begins or ends within the time that was asked for.
	Boundary
	// Overlap means: two records give the address to two people at once, for certain.
	Overlap
	// NoRecord means: no record has the address.
	NoRecord
	// Before means: the time lies before the first record, of this address or of all.
	Before
	// After means: the time lies behind the last record of all.
	After
	// Gap means: for some time before, then and after no record has been read, of any address, so that nothing says whether there were any.
	Gap
	// Unread means: a record has the address but was rejected, and somebody can have had the address because of it.
	Unread
	// FileEnds means: the lease file ends before that time, and what stands in another one, if any, begins later.
	FileEnds
)

var reasonNames = [...]string{
	"no Stop seen", "no Start seen", "the address was not named yet", "the address changed in between", "the NAS restarted", "the stamps contradict each other",
	"released at an unknown time", "declined: in use by somebody unknown", "a session begins or ends then", "several had it at once",
	"no record of the address", "before the first record", "after the last record", "no record of any address around then",
	"a record of the address could not be read", "the lease file ends before",
}

// Has reports whether s has all of r.
func (s Reasons) Has(r Reasons) bool { return s&r == r }

// String returns the reasons in words, separated by semicolons; "" for the empty set.
func (s Reasons) String() string {
	var words []string
	for i, name := range reasonNames {
		if s&(1<<i) != 0 {
			words = append(words, name)
		}
	}
	return strings.Join(words, "; ")
}

// A Candidate is a person who can have had the address in the time that was asked for.
type Candidate struct {
	Person
	// Sure means: the person had it for certain throughout that time.
	Sure bool
	// Why says why not, where not.
	Why Reasons
}

// An Answer says to whom an inside address belonged.
type Answer struct {
	Status Status
	// Candidates are the sessions and leases that can have had the address, by the time from which they can. With the status One they tell
	// of one person, who may have had several sessions.
	Candidates []Candidate
	// More is the number of further candidates that are not listed.
	More int
	// Why says why the answer is not One; for Nobody it is empty.
	Why Reasons
}

// Person returns the person of an answer with the status One, as the first session or lease tells it.
func (a Answer) Person() (p Person, ok bool) {
	if a.Status != One {
		return Person{}, false
	}
	return a.Candidates[0].Person, true
}

// String returns the status and, where there are any, the reasons: "uncertain: no Stop seen".
func (a Answer) String() string {
	if a.Why == 0 {
		return a.Status.String()
	}
	return a.Status.String() + ": " + a.Why.String()
}
