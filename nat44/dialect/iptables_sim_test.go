package dialect

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/cgnkit/cgnkit/portset"
)

// The simulator reads what iptables-restore reads, as iptables(8) describes it, and shares no code with the package.

type iptRule struct {
	src, dst netip.Prefix
	protocol string
	dports   *portset.Range
	states   []string // conntrack
	not      bool     // the states must not be there
	chance   float64  // statistic; 0 = always
	target   string
	jump     bool // -j, not -g
	to       string
}

type iptTable struct {
	chains map[string][]iptRule
	policy map[string]string
}

// iptPacket is a packet at POSTROUTING.
type iptPacket struct {
	src, dst netip.Addr
	protocol string
	dport    int
	states   []string
}

// iptChoice is one translation that a packet may get.
type iptChoice struct {
	outside netip.Addr
	ports   portset.Range
	weight  float64
}

// iptResult is what became of a packet.
type iptResult struct {
	verdict string // ACCEPT, DROP, SNAT, or policy when no rule decided
	choices []iptChoice
	walked  int // rules that were compared
}

func parseIPTables(text string) (map[string]*iptTable, error) {
	tables := map[string]*iptTable{}
	var t *iptTable
	for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "*"):
			t = &iptTable{map[string][]iptRule{}, map[string]string{}}
			tables[line[1:]] = t
		case line == "COMMIT":
			t = nil
		case strings.HasPrefix(line, ":"):
			f := strings.Fields(line[1:])
			if _, ok := t.chains[f[0]]; ok || len(f) != 3 || len(f[0]) > 28 {
				return nil, fmt.Errorf("line %d: chain declared twice or malformed: %s", n+1, line)
			}
			t.chains[f[0]], t.policy[f[0]] = nil, f[1]
		default:
			r, chain, err := parseIPTRule(strings.Fields(line))
			if err != nil {
				return nil, fmt.Errorf("line %d: %w: %s", n+1, err, line)
			}
			for _, c := range []string{chain, r.target} {
				if _, ok := t.chains[c]; !ok && !slices.Contains([]string{"ACCEPT", "DROP", "RETURN", "SNAT"}, c) {
					return nil, fmt.Errorf("line %d: chain %q is not declared", n+1, c)
				}
			}
			t.chains[chain] = append(t.chains[chain], r)
		}
	}
	return tables, nil
}

func parseIPTRule(f []string) (r iptRule, chain string, err error) {
	if f[0] != "-A" {
		return r, "", fmt.Errorf("not a rule")
	}
	chain = f[1]
	for i := 2; i < len(f); i += 2 {
		if f[i] == "!" {
			r.not = true
			i++
		}
		value := f[i+1]
		switch f[i] {
		case "-s":
			r.src, err = netip.ParsePrefix(value)
		case "-d":
			r.dst, err = netip.ParsePrefix(value)
		case "-p":
			r.protocol = value
		case "-m":
			if !slices.Contains([]string{"conntrack", "statistic", "tcp", "udp"}, value) {
				err = fmt.Errorf("unknown match %s", value)
			}
		case "--dport":
			p := portRange(strings.Replace(value, ":", "-", 1))
			r.dports = &p
		case "--ctstate":
			r.states = strings.Split(value, ",")
		case "--mode":
			if value != "random" {
				err = fmt.Errorf("unknown mode %s", value)
			}
		case "--probability":
			r.chance, err = strconv.ParseFloat(value, 64)
		case "-j", "-g":
			r.target, r.jump = value, f[i] == "-j"
		case "--to-source":
			r.to = value
		default:
			err = fmt.Errorf("unknown option %s", f[i])
		}
		if err != nil {
			return r, chain, err
		}
	}
	return r, chain, nil
}

// matches reports whether all conditions but chance hold.
func (r iptRule) matches(p iptPacket) bool {
	state := len(r.states) == 0
	for _, s := range p.states {
		state = state || slices.Contains(r.states, s)
	}
	if len(r.states) > 0 && r.not {
		state = !state
	}
	return state && (!r.src.IsValid() || r.src.Contains(p.src)) && (!r.dst.IsValid() || r.dst.Contains(p.dst)) &&
		(r.protocol == "" || r.protocol == p.protocol) &&
		(r.dports == nil || int(r.dports.First()) <= p.dport && p.dport <= int(r.dports.Last()))
}

// walk sends a packet through POSTROUTING. Where a rule matches by chance, both ways are followed.
func (t *iptTable) walk(p iptPacket) (res iptResult) {
	type frame struct {
		chain string
		next  int
		jump  bool // entered by -j: RETURN and the end of the chain lead back to it
	}
	weight := 1.0
	stack := []frame{{chain: "POSTROUTING"}}
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		rules := t.chains[f.chain]
		if f.next == len(rules) {
			stack = stack[:len(stack)-1]
			continue
		}
		r := rules[f.next]
		f.next++
		res.walked++
		if !r.matches(p) {
			continue
		}
		switch r.target {
		case "ACCEPT", "DROP":
			res.verdict = r.target
			return res
		case "RETURN":
			stack = stack[:len(stack)-1]
		case "SNAT":
			chance := r.chance
			if chance == 0 {
				chance = 1
			}
			res.choices = append(res.choices, parseToSource(r.to, weight*chance))
			if weight *= 1 - chance; chance == 1 {
				res.verdict = "SNAT"
				return res
			}
		default:
			if !r.jump { // the chain is left for good
				stack = stack[:len(stack)-1]
			}
			stack = append(stack, frame{chain: r.target, jump: r.jump})
		}
	}
	res.verdict = "policy"
	return res
}

// nested returns the number of chains on the longest way from chain, whether by -j or -g.
func (t *iptTable) nested(chain string) int {
	longest := 0
	for _, r := range t.chains[chain] {
		if _, ok := t.chains[r.target]; ok {
			longest = max(longest, t.nested(r.target))
		}
	}
	return longest + 1
}

func parseToSource(text string, weight float64) iptChoice {
	address, ports, ok := strings.Cut(text, ":")
	c := iptChoice{outside: ip(address), weight: weight}
	if ok {
		c.ports = portRange(ports)
	}
	return c
}
