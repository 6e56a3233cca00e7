package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progress tells a person who waits how far a long run is. It says nothing before a run has taken a second.
type progress struct {
	to   io.Writer // nil: nobody watches
	what string    // what is counted: "rows"
	next time.Time
	said int // length of the line that stands there
}

func (e *env) newProgress() progress {
	p := progress{what: "rows", next: time.Now().Add(time.Second)}
	if e.progress {
		p.to = e.stderr
	}
	return p
}

// at says that n of total rows are done; total 0 is unknown. It is called once per buffer, not once per row.
func (p *progress) at(n, total uint64) {
	if p.to == nil || time.Now().Before(p.next) {
		return
	}
	line := fmt.Sprintf("cgnctl: %d %s", n, p.what)
	if total > 0 {
		line = fmt.Sprintf("cgnctl: %d of %d %s (%d %%)", n, total, p.what, 100*n/total)
	}
	fmt.Fprintf(p.to, "\r%s%s", line, strings.Repeat(" ", max(p.said-len(line), 0)))
	p.next, p.said = time.Now().Add(time.Second), len(line)
}

// step says what is being done now, which cannot be counted. It says so at once.
func (p *progress) step(what string) {
	if p.to == nil {
		return
	}
	line := "cgnctl: " + what
	fmt.Fprintf(p.to, "\r%s%s", line, strings.Repeat(" ", max(p.said-len(line), 0)))
	p.said = len(line)
}

// done takes the line away.
func (p *progress) done() {
	if p.said > 0 {
		fmt.Fprintf(p.to, "\r%s\r", strings.Repeat(" ", p.said))
		p.said = 0
	}
}
