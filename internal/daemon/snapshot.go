package daemon

import (
	"slices"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// A Snapshot is the state of a daemon at an instant. It is never changed after it was published.
type Snapshot struct {
	Instance string    `json:"instance"`
	Backend  string    `json:"backend"`
	Started  time.Time `json:"started"`
	Taken    time.Time `json:"taken"` // when this was so
	// Ready says that the first attempt to make the kernel follow is over, however it ended.
	Ready bool `json:"ready"`
	// Healthy says that the kernel has what it is to have, as far as is known: there is no Problem that is not a Warning.
	Healthy  bool      `json:"healthy"`
	Problems []Problem `json:"problems"` // by code
	Doing    string    `json:"doing"`    // "read", "prepare", "apply", "record", "look", "verify", or "" = nothing

	Wanted  string `json:"wanted_sha256"`   // of the plan that is to be in force, "" where nothing says which
	InForce string `json:"in_force_sha256"` // of the plan that the kernel had when it was looked at last, "" = none
	// Epoch is what is applied, and Next what will be; both nil with a plan file.
	Epoch *EpochInfo `json:"epoch"`
	Next  *EpochInfo `json:"next_epoch"`
	// Head is the hash that stands for the whole ledger, and Records how many it has.
	Head    string    `json:"ledger_head,omitempty"`
	Records int       `json:"ledger_records,omitempty"`
	Read    time.Time `json:"source_read,omitzero"` // when ledger or plan file were read last
	// Unsure is the instant from which on epochs of the ledger may not have come into force; zero = all did, as far as is known.
	Unsure time.Time `json:"unsure_since,omitzero"`
	// Had are the SHA-256 of plans that the kernel had since then besides those of the ledger, by somebody's hand or by a clock that was wrong.
	Had []string `json:"had_sha256,omitempty"`

	// Departed is since when the kernel may give ports to others than its plan says, which stands as problem drift, kernel or verify; zero = it does not.
	Departed time.Time `json:"departed_since,omitzero"`

	// Departures are times of that kind that are over, where it was found that somebody had changed the kernel, and that the ledger does not have yet.
	Departures []ledger.Departure `json:"departures,omitempty"`

	Looked time.Time `json:"kernel_looked,omitzero"` // when the kernel could be looked at last

	Apply  ApplyInfo  `json:"apply"`
	Verify VerifyInfo `json:"verify"`
	Drift  DriftInfo  `json:"drift"`
}

// Codes are the codes of all problems, in their order.
var Codes = [...]string{"apply", "backend-files", "clock", "drift", "kernel", "late", "listen", "memory", "not-covered", "pending", "source", "verify"}

// A Problem is something that is not as it should be.
type Problem struct {
	Code    string    `json:"code"` // one of Codes
	Text    string    `json:"text"`
	Since   time.Time `json:"since"`
	Warning bool      `json:"warning"` // the kernel has what it is to have nevertheless
}

// An EpochInfo is an epoch of the ledger.
type EpochInfo struct {
	Seq    uint64    `json:"seq"`
	From   time.Time `json:"from"`
	SHA256 string    `json:"plan_sha256"`
}

func infoOf(e ledger.Epoch) *EpochInfo { return &EpochInfo{e.Seq, e.From, e.PlanSHA256} }

// ApplyInfo is about applies: how many went well and failed since the start, and the last one.
type ApplyInfo struct {
	OK      uint64        `json:"ok"`
	Failed  uint64        `json:"failed"`
	At      time.Time     `json:"at,omitzero"` // when the last one that went well ended
	Took    time.Duration `json:"took_ns"`
	Way     string        `json:"way"`
	Kept    uint64        `json:"kept"`
	Moved   uint64        `json:"moved"`
	Added   uint64        `json:"added"`
	Removed uint64        `json:"removed"`
	Retry   time.Duration `json:"retry_in_ns"` // until the next attempt after one that failed; 0 = none is due
}

// VerifyInfo is about comparisons of the kernel with the plan.
type VerifyInfo struct {
	Runs        uint64        `json:"runs"`      // those that could compare
	Different   uint64        `json:"different"` // of those, the ones that found differences
	Failed      uint64        `json:"failed"`    // those that could not
	At          time.Time     `json:"at,omitzero"`
	Took        time.Duration `json:"took_ns"`
	Differences uint64        `json:"differences"`
}

// DriftInfo is about changes that somebody else made.
type DriftInfo struct {
	Found    uint64    `json:"found"`    // times
	Repaired uint64    `json:"repaired"` // times
	Failed   uint64    `json:"failed"`   // attempts to repair it that were refused
	Last     time.Time `json:"last,omitzero"`
	// Examples are some of the differences that were found last.
	Examples []string `json:"examples"`
}

// problems are what is not as it should be, by code.
type problems map[string]Problem

// set notes a problem, and returns whether it is new or says something new.
func (p problems) set(now time.Time, code, text string, warning bool) bool {
	was, had := p[code]
	if had && was.Text == text {
		return false
	}
	since := now
	if had {
		since = was.Since
	}
	p[code] = Problem{Code: code, Text: text, Since: since, Warning: warning}
	return true
}

// clear forgets a problem, and returns whether there was one.
func (p problems) clear(code string) bool {
	_, had := p[code]
	delete(p, code)
	return had
}

// list returns all, by code, and whether all of them are warnings.
func (p problems) list() (all []Problem, harmless bool) {
	all, harmless = make([]Problem, 0, len(p)), true
	for _, x := range p {
		all = append(all, x)
		harmless = harmless && x.Warning
	}
	slices.SortFunc(all, func(a, b Problem) int {
		if a.Code < b.Code {
			return -1
		}
		return 1
	})
	return all, harmless
}
