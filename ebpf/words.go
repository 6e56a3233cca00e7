package ebpf

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// maxWords is how many fields of an entry are named at most.
const maxWords = 4

// A field is a number that an entry of a map holds, by the name that C has for it.
type field struct {
	name, value string
}

// fieldsOf returns the numbers of an entry, those within it too. Padding is none.
func fieldsOf(entry any) (out []field) {
	var walk func(name string, v reflect.Value)
	walk = func(name string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				if f := v.Type().Field(i); f.Name != "_" && f.Name != "Pad" {
					walk(strings.TrimSpace(name+" "+snake(f.Name)), v.Field(i))
				}
			}
		case reflect.Array:
			for i := range v.Len() {
				walk(fmt.Sprintf("%s %d", name, i), v.Index(i))
			}
		default:
			out = append(out, field{name, inWords(entry, name, v)})
		}
	}
	walk("", reflect.ValueOf(entry))
	return out
}

// snake returns a name as C has it.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// inWords returns a number of an entry, addresses as such and parts of tags in the order of the wire.
func inWords(entry any, name string, v reflect.Value) string {
	if !v.CanUint() {
		return fmt.Sprint(v)
	}
	n := uint32(v.Uint())
	switch entry.(type) {
	case bpf.CgnatCgnCable:
		if v.Kind() == reflect.Uint16 {
			return fmt.Sprintf("%#x", wire16(uint16(n)))
		}
	case bpf.CgnatCgnRow:
		if name == "addr" {
			return fromWire(n).String()
		}
	case bpf.CgnatCgnRange:
		if name == "first" || name == "last" {
			return fromWire(wireOrder(n)).String()
		}
	case bpf.CgnatCgnNode:
		return fromWire(wireOrder(n)).String()
	}
	return fmt.Sprint(v)
}

// words says what an entry holds: "ifindex 7, vid 0 100". What is 0 is left out.
func words(entry any) string {
	var out []string
	for _, f := range fieldsOf(entry) {
		if f.value != "0" {
			out = append(out, f.name+" "+f.value)
		}
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, ", ")
}

// differences says how an entry departs from what it should be: "ratio 4 instead of 16".
func differences[T any](have, want T) string {
	var out []string
	more := 0
	wanted := fieldsOf(want)
	for i, f := range fieldsOf(have) {
		switch {
		case f.value == wanted[i].value:
		case len(out) == maxWords:
			more++
		default:
			out = append(out, fmt.Sprintf("%s %s instead of %s", f.name, f.value, wanted[i].value))
		}
	}
	if more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, ", ")
}
