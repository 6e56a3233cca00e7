package rulefile

import (
	"encoding/binary"
	"slices"
	"strings"
)

// A condID stands for a circumstance, such as the interface where a packet leaves.
type condID uint16

// maxConds bounds how many different circumstances a file may have.
const maxConds = 1 << 15

// A condition is a circumstance: all its atoms are true. An atom is one match of a rule, as "-o eth0".
type condition struct {
	text  string // for people; cut
	atoms []uint32
	odd   bool // something in it was not understood: shares must not depend on it
	blind bool // who is meant may follow from it, and cannot be told
	way   string
	where string // way and where: "-o" and "eth0", for those that exclude each other
}

// cond returns the number of the circumstance that all atoms are true.
func (p *program) cond(atoms ...string) (condID, *LineError) {
	c := condition{text: cut(strings.Join(atoms, " "))}
	for i := 0; i < len(atoms); i++ {
		a := atoms[i]
		if strings.Contains(a, "--match-set") && i+1 < len(atoms) && !strings.HasPrefix(atoms[i+1], "-") {
			i++
			a += " " + atoms[i]
		}
		id, ok := p.atoms[a]
		if !ok {
			id = uint32(len(p.atoms))
			p.atoms[a] = id
		}
		c.atoms = append(c.atoms, id)
		c.odd = c.odd || changing(a)
		c.blind = c.blind || !aboutWay(a)
		if way, where, ok := interfaceOf(a); ok {
			c.way, c.where = way, where
		}
	}
	return p.intern(c)
}

// intern returns the number of a condition. Its atoms decide which it is.
func (p *program) intern(c condition) (condID, *LineError) {
	slices.Sort(c.atoms)
	c.atoms = slices.Compact(c.atoms)
	key := make([]byte, 0, 4*len(c.atoms))
	for _, a := range c.atoms {
		key = binary.BigEndian.AppendUint32(key, a)
	}
	id, ok := p.byCond[string(key)]
	if !ok {
		if len(p.conds) == maxConds {
			return 0, bad(ErrTooLarge, "the rules depend on more than %d different circumstances", maxConds)
		}
		id = condID(len(p.conds))
		p.conds = append(p.conds, c)
		p.byCond[string(key)] = id
	}
	return id, nil
}

// both returns the circumstance of a rule within that of its chain.
func (p *program) both(a, b condID) (condID, *LineError) {
	switch {
	case a == b || b == 0:
		return a, nil
	case a == 0:
		return b, nil
	}
	if id, ok := p.joins[[2]condID{a, b}]; ok {
		return id, nil
	}
	x, y := &p.conds[a], &p.conds[b]
	c := condition{text: cut(x.text + "; " + y.text), atoms: slices.Concat(x.atoms, y.atoms), odd: x.odd || y.odd, blind: x.blind || y.blind, way: x.way, where: x.where}
	if c.way == "" {
		c.way, c.where = y.way, y.where
	}
	id, err := p.intern(c)
	if err == nil {
		p.joins[[2]condID{a, b}] = id
	}
	return id, err
}

// A relation is what a world says of a circumstance.
type relation uint8

const (
	unknown relation = iota
	holds            // in all of the world
	open             // in a part of it, perhaps
	never            // nowhere
)

// relate returns what the world in which w is true says of c.
func (p *program) relate(w, c condID) relation {
	x, y := &p.conds[w], &p.conds[c]
	all := true
	for _, a := range y.atoms {
		_, ok := slices.BinarySearch(x.atoms, a)
		all = all && ok
	}
	switch {
	case all:
		return holds
	case x.way != "" && x.way == y.way && x.where != y.where:
		return never
	}
	return open
}

func cut(text string) string { return text[:min(len(text), maxText)] }

// changing reports whether an atom is true of one packet and false of the next one of the same kind.
func changing(atom string) bool {
	for _, name := range []string{"--every ", "--limit", "--hashlimit", "nth=", "limit=", "dst-limit="} {
		if strings.HasPrefix(strings.TrimPrefix(atom, "! "), name) {
			return true
		}
	}
	return false
}

// aboutWay reports whether an atom is about where packets go or what they are, and surely not about who sends them.
func aboutWay(atom string) bool {
	name := strings.TrimPrefix(atom, "! ")
	if at := strings.IndexAny(name, " ="); at >= 0 {
		switch name[:at] {
		case "--match-set":
			return strings.HasSuffix(name, " dst") || strings.HasSuffix(name, " dst,dst")
		case "ip":
			return strings.HasPrefix(name, "ip daddr ")
		case "ct":
			return strings.HasPrefix(name, "ct state ") || strings.HasPrefix(name, "ct status ") || strings.HasPrefix(name, "ct direction ")
		case "meta":
			return strings.HasPrefix(name, "meta oif")
		}
		name = name[:at]
	}
	return ways[name]
}

// ways are the matches of all dialects that say nothing of the sender.
var ways = setOf("-d", "--destination", "--dst", "--dst-range", "--dst-type", "--dport", "--dports", "--destination-port", "--destination-ports",
	"--sport", "--sports", "--source-port", "--source-ports", "--ports", "-o", "--out-interface", "--ctstate", "--ctstatus", "--state", "--dir",
	"--pol", "--icmp-type", "--syn", "--tcp-flags",
	"dst-address", "dst-address-list", "dst-address-type", "dst-port", "src-port", "port", "out-interface", "out-interface-list", "ipsec-policy",
	"connection-state", "connection-nat-state", "icmp-options", "tcp-flags",
	"oif", "oifname", "oifgroup", "tcp", "udp", "icmp", "th", "sctp", "dccp", "udplite")

func setOf(names ...string) map[string]bool {
	m := map[string]bool{}
	for _, n := range names {
		m[n] = true
	}
	return m
}

// interfaceOf returns the one interface by which packets leave where an atom is true.
func interfaceOf(atom string) (way, where string, ok bool) {
	for _, name := range []string{"-o ", "--out-interface ", "oifname ", "oif ", "meta oifname ", "meta oif ", "out-interface="} {
		if where, ok := strings.CutPrefix(atom, name); ok {
			return name, where, where != "" && !strings.ContainsAny(where, " !{}*+@,")
		}
	}
	return "", "", false
}
