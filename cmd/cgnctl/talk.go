package main

import "fmt"

// warn prints warnings to people.
func (e *env) warn(warnings []string) {
	for _, w := range warnings {
		fmt.Fprintf(e.stderr, "cgnctl: warning: %s\n", w)
	}
}

// note prints remarks to people, the first few of many.
func (e *env) note(notes []string) {
	const shown = 5
	for i, n := range notes {
		if i == shown {
			fmt.Fprintf(e.stderr, "cgnctl: note: and %d more\n", len(notes)-shown)
			return
		}
		fmt.Fprintf(e.stderr, "cgnctl: note: %s\n", n)
	}
}
