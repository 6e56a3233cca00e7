package nat44

import "github.com/cgnkit/cgnkit/portset"

// A portTable is a set or map that says what is known of the ports themselves, and not what becomes of them.
type portTable struct{ kind, name, types, comment string }

// The sets and maps of the ports.
var (
	otherPorts = portTable{"set", "others", "inet_service", "the ports that are not this router's, and identifiers"}
	withheld   = portTable{"set", "withheld", "inet_service", "the ports that inside endpoints do not get: those, and some of this router"}
	services   = portTable{"set", "services", "inet_service", "the ports of this router on which it listens itself"}
	candidates = portTable{"map", "candidate", "mark : mark", "the ports that inside endpoints get, by number: the hash that stands for each"}
	portOfHash = portTable{"map", "port", "mark : inet_service", "the port for which a hash stands"}
)

// again writes what becomes of the table that is there: rules and what is known of the ports are made anew. What packets have left stays, which
// is mappings, counters, and the timers of flows: the kernel takes those from all flows when their objects are deleted.
//
// The elements of a new set of ranges are found a little later than the rules that ask for them. So these sets stay, and have what rules act on: no
// packet is dropped, and no mapping ends, because something is not found in them.
func (r *Router) again(t *textWriter) {
	table := r.Instance.Table()
	t.printf("\ntable ip %s\nflush table ip %s\n\n", table, table)
	for _, p := range []portTable{otherPorts, withheld, services} {
		t.printf("add set ip %s %s { type %s; flags interval; }\nflush set ip %s %s\n", table, p.name, p.types, table, p.name)
	}
	for _, p := range []portTable{candidates, portOfHash} {
		t.printf("add map ip %s %s { type %s; }\ndelete map ip %s %s\n", table, p.name, p.types, table, p.name)
	}
}

// portMaps writes what is known of the ports themselves.
func (r *Router) portMaps(t *textWriter) {
	t.ports(otherPorts, without(r.Ports))
	t.ports(withheld, without(r.given))
	t.ports(services, r.Services)
	t.open(candidates)
	t.printf("\t\tsize %d\n\t\telements = {", r.given.Len())
	i := 0
	for p := range r.given.Ports() {
		t.printf("%s\n\t\t\t%d : %#x", comma(i), i, portHash(p))
		i++
	}
	t.printf("\n\t\t}\n\t}\n\n")
	t.open(portOfHash)
	t.printf("\t\tsize %d\n\t\telements = {", r.given.Len())
	i = 0
	for p := range r.given.Ports() {
		t.printf("%s\n\t\t\t%#x : %d", comma(i), portHash(p), p)
		i++
	}
	t.printf("\n\t\t}\n\t}\n\n")
}

// open writes the head of a set or map.
func (t *textWriter) open(p portTable) {
	t.printf("\t# %s\n\t%s %s {\n\t\ttype %s\n", p.comment, p.kind, p.name, p.types)
}

// without returns all ports but those of a set. Without any it is the zero Set.
func without(s portset.Set) portset.Set {
	every, _ := portset.NewRange(0, portset.PortCount-1) // these are ports
	all, _ := portset.NewSet(every)
	left, _ := all.Minus(s)
	return left
}

// ports writes a set of ports. The zero Set has none.
func (t *textWriter) ports(p portTable, s portset.Set) {
	t.open(p)
	t.printf("\t\tflags interval\n")
	if !s.IsValid() {
		t.printf("\t}\n\n")
		return
	}
	t.printf("\t\telements = {")
	i := 0
	for one := range s.Ranges() {
		t.printf("%s\n\t\t\t%d-%d", comma(i), one.First(), one.Last())
		i++
	}
	t.printf("\n\t\t}\n\t}\n\n")
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

// mappings writes the sets in which the mappings of a protocol are.
func (r *Router) mappings(t *textWriter, p routedProtocol) {
	set := func(kind, name, comment, types string) {
		t.printf("\t# %s\n\t%s %s_%s {\n\t\ttype %s\n\t\tsize %d\n\t\tflags dynamic,timeout\n\t}\n\n", comment, kind, name, p.name, types, knownMappings)
	}
	set("map", "out", "inside endpoint : outside port", "ipv4_addr . inet_service : inet_service")
	set("map", "inside", "outside port : inside endpoint", "inet_service : ipv4_addr . inet_service")
	set("set", "held", "outside port and inside endpoint together: whose a port is that is in use", "inet_service . ipv4_addr . inet_service")
	set("set", "fresh", "the same until shortly before the mapping ends: nobody else can be getting the port", "inet_service . ipv4_addr . inet_service")
	set("set", "claimed", "outside ports that somebody is about to hold", "inet_service")
	set("set", "busy", "outside ports that a mapping has, by their hashes", "mark")
	if p.in && r.Filtering == FilterByAddress {
		set("set", "peers", "to whom a mapping has sent", "inet_service . ipv4_addr")
	}
	if p.name == "tcp" {
		set("set", "again", "inside endpoints with more than one connection: their mappings outlast the end of one", "ipv4_addr . inet_service")
	}
}
