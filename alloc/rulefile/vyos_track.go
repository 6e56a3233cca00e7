package rulefile

import (
	"slices"
	"strings"
)

// untrack reads a path of system conntrack ignore, or of a firewall, that takes packets away from connection tracking. Those of IPv6,
// and those of what the router itself sends, do not matter.
func (x *vyosReader) untrack(path []string) {
	n := len(path)
	switch {
	case n < 4:
	case path[0] == "system" && path[1] == "conntrack" && path[2] == "ignore" && path[3] != "ipv6":
		rule := slices.Index(path[:min(n, 5)], "rule")
		if rule < 0 || rule+1 >= n {
			return
		}
		r := x.untracked(path[:rule+2])
		r.effect = Passed
		r.disabled = r.disabled || n == rule+3 && path[n-1] == "disable"
	case path[0] != "firewall" || path[1] == "ipv6" || path[2] == "output":
	case path[n-1] == "notrack" && (path[n-2] == "action" || path[n-2] == "default-action"):
		x.untracked(path[:n-2]).effect = Passed
	case path[n-1] == "disable":
		x.untracked(path[:n-1]).disabled = true
	}
}

// untracked returns what is known of a rule of which a path is the start.
func (x *vyosReader) untracked(path []string) *vyosOther {
	key := strings.Join(path, " ")
	r := x.tracks[key]
	if r == nil {
		r = &vyosOther{line: x.in.line, text: key, track: true}
		x.tracks[key] = r
	}
	return r
}
