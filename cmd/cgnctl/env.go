package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/planfile"
	"github.com/cgnkit/cgnkit/alloc/provision"
	"github.com/cgnkit/cgnkit/alloc/rulefile"
	"github.com/cgnkit/cgnkit/nat44"
	"github.com/cgnkit/cgnkit/nat44/dialect"
)

// Exit codes; scripts depend on them.
const (
	exitOK         = 0 // answered, equal, valid
	exitNobody     = 1 // a valid question whose answer is "nobody"; for diff: differences
	exitInput      = 2 // usage, configuration or input error
	exitAmbiguous  = 3 // several candidates
	exitNotCovered = 4 // no epoch covers that time
	exitCheck      = 5 // a check failed
)

// An env is what a command has of the world outside.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	// progress says whether a person watches stderr while stdout goes elsewhere.
	progress bool
	// watched says whether a person watches stderr.
	watched bool
	// reads is the flag that reads standard input, "" as long as none does.
	reads string
}

// open opens a file that a flag names, or standard input for "-".
func (e *env) open(flag, name string) (io.ReadCloser, error) {
	if name != "-" {
		return os.Open(name)
	}
	if err := e.takeStdin(flag); err != nil {
		return nil, err
	}
	return io.NopCloser(e.stdin), nil
}

// takeStdin notes that a flag reads standard input, which can be read once.
func (e *env) takeStdin(flag string) error {
	if e.reads != "" {
		return fmt.Errorf("standard input can be read once, and --%s - reads it: give files for all but one", e.reads)
	}
	e.reads = flag
	return nil
}

func newEnv() *env {
	return &env{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, progress: isTerminal(os.Stderr) && !isTerminal(os.Stdout), watched: isTerminal(os.Stderr)}
}

// isTerminal reports whether f is a terminal, or another character device that is not the null device.
func isTerminal(f *os.File) bool {
	st, err := f.Stat()
	if err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(st, null)
}

// A fault is an error with an exit code and, where one helps, a hint. A fault without a message was explained already.
type fault struct {
	code      int
	msg, hint string
	excerpt   string
	cause     error // what it was made from, if anything
}

func (f *fault) Error() string { return f.msg }

func (f *fault) Unwrap() error { return f.cause }

// badInput is a fault with exit code 2.
func badInput(hint, format string, args ...any) error {
	return &fault{code: exitInput, hint: hint, msg: fmt.Sprintf(format, args...)}
}

// run runs one command and returns its exit code.
func run(e *env, args []string) int {
	root := newRoot(e)
	root.SetArgs(args)
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	cmd, err := root.ExecuteC()
	if err == nil {
		return exitOK
	}
	return e.explain(cmd, err)
}

// explain prints an error and returns its exit code.
func (e *env) explain(cmd *cobra.Command, err error) int {
	f := asFault(cmd, err)
	if f.msg != "" {
		for line := range strings.SplitSeq(f.msg, "\n") {
			fmt.Fprintf(e.stderr, "cgnctl: %s\n", line)
		}
		fmt.Fprint(e.stderr, f.excerpt)
		if f.hint != "" {
			fmt.Fprintf(e.stderr, "cgnctl: hint: %s\n", f.hint)
		}
	}
	return f.code
}

// asFault turns any error into a fault: those of the packages below by their type, anything else is a matter of usage.
func asFault(cmd *cobra.Command, err error) *fault {
	var (
		f       *fault
		invalid *alloc.InvalidError
		file    *planfile.Error
		one     planfile.Diagnostic
		line    *rulefile.LineError
		overlap *rulefile.OverlapError
	)
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &file):
		f = ofDiagnostic(file.Diagnostics[0])
		f.more(len(file.Diagnostics), "cgnctl check shows all")
		return f
	case errors.As(err, &one):
		return ofDiagnostic(one)
	case errors.As(err, &line):
		return &fault{code: exitInput, msg: line.Error(), hint: line.Hint}
	case errors.As(err, &overlap):
		return &fault{code: exitInput, msg: err.Error(), hint: overlap.Hint()}
	case errors.Is(err, rulefile.ErrUnproven):
		return &fault{code: exitInput, msg: err.Error()}
	case errors.As(err, &invalid):
		f = &fault{code: exitInput, msg: invalid.Findings[0].Msg, hint: invalid.Findings[0].Hint}
		f.more(len(invalid.Findings), "")
		return f
	}
	if errors.Is(err, nat44.ErrInexpressible) || errors.Is(err, nat44.ErrRouter) || errors.Is(err, dialect.ErrInexpressible) || errors.Is(err, provision.ErrInexpressible) || errors.Is(err, provision.ErrInterface) {
		return &fault{code: exitInput, msg: err.Error()}
	}
	return &fault{code: exitInput, msg: err.Error(), hint: fmt.Sprintf("see %s --help", cmd.CommandPath())}
}

func ofDiagnostic(d planfile.Diagnostic) *fault {
	return &fault{code: exitInput, msg: d.Error(), hint: d.Hint, excerpt: d.Excerpt()}
}

// more says that there are further findings.
func (f *fault) more(n int, where string) {
	if n < 2 {
		return
	}
	text := fmt.Sprintf("there are %d more findings", n-1)
	if n == 2 {
		text = "there is 1 more finding"
	}
	if where != "" {
		text += "; " + where
	}
	if f.hint != "" {
		f.hint += "; "
	}
	f.hint += text
}

// writeFault says that output could not be written.
func writeFault(err error) error {
	if err == nil {
		return nil
	}
	return &fault{code: exitInput, msg: fmt.Sprintf("write output: %v", err)}
}
