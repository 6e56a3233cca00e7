package policyfile

import (
	"errors"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// What the library says of keys and values names types of ours, which who writes a file does not know.
var (
	unknownKey = regexp.MustCompile(`field (.*) not found in type policyfile\.(\w+)$`)
	wrongValue = regexp.MustCompile("cannot unmarshal !!\\w+ (?:(`.*`) )?into (.+)$")
)

// types are those that stand in the library's words.
var types = map[string]reflect.Type{"file": reflect.TypeFor[file](), "policy": reflect.TypeFor[policy](), "limit": reflect.TypeFor[limit]()}

// inWordsOfFile says what the library says in the words of the file. Only the first finding is kept: one at a time is mended.
func inWordsOfFile(err error) error {
	var found *yaml.TypeError
	if !errors.As(err, &found) || len(found.Errors) == 0 {
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	text := found.Errors[0]
	if m := unknownKey.FindStringSubmatchIndex(text); m != nil {
		return errors.New(text[:m[0]] + "unknown key " + text[m[2]:m[3]] + "; the keys there are " + keysOf(text[m[4]:m[5]]))
	}
	if m := wrongValue.FindStringSubmatchIndex(text); m != nil {
		value := "this"
		if m[2] >= 0 {
			value = text[m[2]:m[3]]
		}
		return errors.New(text[:m[0]] + "cannot read " + value + " here; want " + wanted(text[m[4]:m[5]]))
	}
	return errors.New(text)
}

// keysOf lists the keys of a type of the syntax.
func keysOf(name string) string {
	t := types[name]
	if t == nil {
		return ""
	}
	var keys []string
	for f := range t.Fields() {
		keys = append(keys, f.Tag.Get("yaml"))
	}
	return strings.Join(keys, ", ")
}

// wanted says what belongs where the library wants a type.
func wanted(goType string) string {
	name := strings.TrimPrefix(goType, "policyfile.")
	switch {
	case goType == "bool":
		return "true or false"
	case strings.HasPrefix(goType, "map["):
		return "names of pools, and behind each its keys"
	case types[name] != nil:
		return "the keys " + keysOf(name)
	}
	return "one word"
}
