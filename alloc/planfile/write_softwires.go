package planfile

import (
	"bufio"
	"fmt"
	"strconv"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// writeSoftwires writes the pools of MAP and lw4o6, binding tables included.
func writeSoftwires(w *bufio.Writer, list []alloc.SoftwireSpec) {
	if len(list) > 0 {
		fmt.Fprint(w, "softwires:\n")
	}
	for _, s := range list {
		fmt.Fprintf(w, "  - name: %s\n", quoted(s.Name))
		if s.Realm != "" && s.Realm != alloc.DefaultRealm {
			fmt.Fprintf(w, "    realm: %s\n", quoted(s.Realm))
		}
		fmt.Fprintf(w, "    kind: %v\n", s.Kind)
		if s.Relay.IsValid() {
			fmt.Fprintf(w, "    relay: \"%v\"\n", s.Relay) // YAML 1.1 takes some addresses for numbers in base 60
		}
		if s.DMR.IsValid() {
			fmt.Fprintf(w, "    dmr: %v\n", s.DMR)
		}
		if len(s.Rules) > 0 {
			fmt.Fprint(w, "    rules:\n")
		}
		for _, r := range s.Rules {
			writeRule(w, r)
		}
		if len(s.Bindings) > 0 {
			writeItems(w, "bindings", s.Bindings, "")
		}
	}
}

func writeRule(w *bufio.Writer, r softwire.RuleSpec) {
	put := func(key, value string) { fmt.Fprintf(w, "        %s: %s\n", key, value) }
	fmt.Fprintf(w, "      - rule6: %v\n", r.IPv6)
	put("rule4", r.IPv4.String())
	put("ea-len", strconv.Itoa(r.EALen))
	if r.Name != "" {
		put("name", strconv.Quote(r.Name))
	}
	for _, n := range []struct {
		key   string
		value *int
	}{{"psid-offset", r.PSIDOffset}, {"psid-length", r.PSIDLength}, {"psid", r.PSID}} {
		if n.value != nil {
			put(n.key, strconv.Itoa(*n.value))
		}
	}
	if r.Forwarding {
		put("forwarding", "true")
	}
	if r.IID == softwire.IIDDraft {
		put("iid", r.IID.String())
	}
	if r.OverwriteIID {
		put("overwrite-iid", "true")
	}
}
