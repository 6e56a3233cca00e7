package rulefile

import (
	"bytes"
	"cmp"
)

// A routerOSEntry is an entry of an address list while its properties are read.
type routerOSEntry struct {
	x             *routerOSReader
	name, address []byte
	off           bool
	err           *LineError // why it is not sure what it says
}

// property reads one property.
func (e *routerOSEntry) property(text []byte) {
	key, value, set := bytes.Cut(text, []byte("="))
	switch string(key) {
	case "list":
		e.name = value
	case "address":
		e.address = value
	case "disabled", "disable":
		off, err := isYes("disabled", value, set)
		e.off, e.err = e.off || off, cmp.Or(e.err, err)
	case "comment", "creation-time", "!comment":
	case "dynamic":
		if on, err := isYes("dynamic", value, set); on || err != nil {
			e.err = cmp.Or(e.err, bad(ErrSyntax, "the router itself put an entry into the address list, and may take it out"))
		}
	case "timeout", "!timeout":
		if set && string(value) != "0s" {
			e.err = cmp.Or(e.err, bad(ErrSyntax, "an entry of the address list has a timeout, and is not there later"))
		}
	default:
		e.err = cmp.Or(e.err, bad(ErrSyntax, "%s of an entry of an address list is not understood", printable(key)))
	}
}

// add puts an entry into its list, or doubts the list.
func (e *routerOSEntry) add(name string) *LineError {
	x := e.x
	s, ok := parseSpan(e.address)
	if ok {
		x.p.name(s)
	}
	switch {
	case e.err != nil:
		x.doubt(name, e.err)
	case e.off:
		return nil
	case !ok:
		x.doubt(name, bad(ErrSyntax, "the address list %s has %q, which is no IPv4 address, prefix or range", printable(name), printable(e.address)))
		x.notes.add(x.in.line, "entries of address lists are no IPv4 addresses", string(e.address))
	default:
		x.lists[name] = append(x.lists[name], s)
	}
	return nil
}

// isYes reads the value of a property that is yes or no. A property without a value is yes.
func isYes(key string, value []byte, set bool) (bool, *LineError) {
	switch v := string(value); {
	case v == "yes", v == "true", !set:
		return true, nil
	case v == "no", v == "false":
		return false, nil
	}
	return false, bad(ErrSyntax, "%s=%s is not understood: want yes or no", key, printable(value))
}

// name keeps the addresses that a rule names which is not walked.
func (x *routerOSReader) name(args [][]byte) {
	for _, a := range args {
		switch key, value, _ := bytes.Cut(a, []byte("=")); string(key) {
		case "src-address", "dst-address", "address":
			if s, ok := parseSpan(bytes.TrimPrefix(value, []byte("!"))); ok {
				x.p.name(s)
			}
		}
	}
}

// fills doubts the address lists that a line of any other menu puts addresses into: a rule, a profile of subscribers.
func (x *routerOSReader) fills(args [][]byte) {
	var lists []byte
	for _, a := range args {
		key, value, set := bytes.Cut(a, []byte("="))
		switch string(key) {
		case "address-list", "address-lists":
			lists = value
		case "disabled", "disable":
			if off, err := isYes("disabled", value, set); off && err == nil {
				return
			}
		}
	}
	for name := range bytes.SplitSeq(lists, []byte(",")) {
		if len(name) > 0 {
			x.doubt(string(name), bad(ErrSyntax, "the router puts addresses into the address list %s by itself, and who is in it changes", printable(name)))
		}
	}
}
