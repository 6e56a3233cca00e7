// Package instance has the rule that names of instances follow, which both backends share: an instance is what one plan owns
// in the kernel.
package instance

import "strings"

// Default is the instance of those who name none.
const Default = "cgn"

// Rule says in words what Parse takes, for errors.
const Rule = "1 to 32 lower-case letters, digits, '-' and '_', a letter first"

// MaxLen keeps every name made from an instance's below the kernel's limits, and readable.
const MaxLen = 32

// Parse returns the name, or Default for an empty one. ok is false for a name that breaks the Rule.
func Parse(name string) (parsed string, ok bool) {
	if name == "" {
		return Default, true
	}
	ok = len(name) <= MaxLen && name[0] >= 'a' && name[0] <= 'z' &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
	return name, ok
}
