package planfile

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// failer is what the helpers need of *testing.T, *testing.B and *rapid.T.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func addrs(text string) []alloc.AddrRange {
	var out []alloc.AddrRange
	for f := range strings.FieldsSeq(text) {
		out = append(out, must(alloc.ParseAddrRange(f)))
	}
	return out
}

// dests reads destinations separated by commas.
func dests(text string) []alloc.Destination {
	var out []alloc.Destination
	for f := range strings.SplitSeq(text, ",") {
		out = append(out, must(alloc.ParseDestination(f)))
	}
	return out
}

// shares reads shares, one a line.
func shares(text string) []alloc.ExplicitShare {
	var out []alloc.ExplicitShare
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		out = append(out, must(alloc.ParseExplicitShare(line)))
	}
	return out
}

func ports(text string) portset.Range { return must(portset.ParseRange(text)) }
func reserve(text string) portset.Set { return must(portset.ParseSet(text)) }

//go:fix inline

// exampleKey is the key of testdata/plans/random.yaml.
var exampleKey = must(alloc.ParseKey("000102030405060708090a0b0c0d0e0f"))

// diagnosticsOf returns what is wrong according to an error of this package.
func diagnosticsOf(err error) []Diagnostic {
	if all, ok := errors.AsType[*Error](err); ok {
		return all.Diagnostics
	}
	if one, ok := errors.AsType[Diagnostic](err); ok {
		return []Diagnostic{one}
	}
	return nil
}

// render writes an error as a user sees it: each diagnostic with its excerpt and its hint.
func render(err error) string {
	var b strings.Builder
	if err != nil && diagnosticsOf(err) == nil {
		b.WriteString("no diagnostic: " + err.Error() + "\n")
	}
	for _, d := range diagnosticsOf(err) {
		b.WriteString(d.Error() + "\n" + d.Excerpt())
		if d.Hint != "" {
			b.WriteString("hint: " + d.Hint + "\n")
		}
	}
	return b.String()
}

// allKeys is what the decoder says about the keys of a pool.
const allKeys = "name, realm, inside, exclude-inside, outside, exclude-outside, skip-edge-addresses, scheme, ports, reserve, " +
	"ports-per-subscriber, sharing-ratio, dynamic-shares, dynamic-ports, psid-offset, psid-length, step, key-id, shares"

// wantDiagnostics compares what a user sees. In want, KEYS stands for the keys of a pool, and the first line break is dropped.
func wantDiagnostics(t failer, err error, want string) {
	t.Helper()
	want = strings.ReplaceAll(strings.TrimPrefix(want, "\n"), "KEYS", allKeys)
	if diff := cmp.Diff(want, render(err)); diff != "" {
		t.Errorf("diagnostics (-want +got):\n%s", diff)
	}
	for _, d := range diagnosticsOf(err) {
		if d.Err == nil || !errors.Is(err, d.Err) {
			t.Errorf("%v wraps %v, which the whole error does not", d, d.Err)
		}
	}
}

// good is a plan that is complete; tests append to it.
const good = "version: 1\npools:\n  - name: a\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n"

// exempt is the good plan with this value of no-translate.
func exempt(value string) string {
	return strings.Replace(good, "pools:", "no-translate:"+value+"\npools:", 1)
}

// refused asserts all that Parse says of a file that is no valid plan.
func refused(t *testing.T, name, text, want string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		file, err := Parse("p.yaml", []byte(text), Options{})
		if file != nil || err == nil {
			t.Fatalf("Parse = %v, %v; want an error", file, err)
		}
		wantDiagnostics(t, err, want)
	})
}
