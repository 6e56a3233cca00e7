package nat44

import "github.com/cgnkit/cgnkit/portset"

// A portTable is a set or map that says what is known of the ports themselves, and not what becomes of them.
type portTable struct{ kind, name, types, comment string }

// The sets and maps of the ports.
var (
	ownPorts   = portTable{"set", "own", "inet_service", "the ports of this router, and identifiers"}
	givenPorts = portTable{"set", "given", "inet_service", "those of them that inside endpoints get"}
	services   = portTable{"set", "services", "inet_service", "those of them on which the router itself listens"}
	candidates = portTable{"map", "candidate", "mark : mark", "the ports that inside endpoints get, by number: the hash that stands for each"}
	portOfHash = portTable{"map", "port", "mark : inet_service", "the port for which a hash stands"}
)

// again writes what becomes of the table that is there: rules and what is known of the ports are made anew. What packets have left stays, which
// is mappings, counters, and the timers of flows: the kernel takes those from all flows when their objects are deleted.
func (r *Router) again(t *textWriter) {
	table := r.Instance.Table()
	t.printf("\ntable ip %s\nflush table ip %s\n\n", table, table)
	for _, p := range []portTable{ownPorts, givenPorts, services, candidates, portOfHash} {
		flags := ""
		if p.kind == "set" {
			flags = " flags interval;"
		}
		t.printf("add %s ip %s %s { type %s;%s }\ndelete %s ip %s %s\n", p.kind, table, p.name, p.types, flags, p.kind, table, p.name)
	}
}

// portMaps writes what is known of the ports themselves.
func (r *Router) portMaps(t *textWriter) {
	t.ports(ownPorts, r.Ports)
	t.ports(givenPorts, r.given)
	if r.Services.IsValid() {
		t.ports(services, r.Services)
	}
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

// ports writes a set of ports.
func (t *textWriter) ports(p portTable, s portset.Set) {
	t.open(p)
	t.printf("\t\tflags interval\n\t\telements = {")
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
	set("set", "held", "outside port and inside endpoint together: who does not hold a port that is in use has lost it", "inet_service . ipv4_addr . inet_service")
	set("set", "claimed", "outside ports that somebody is about to hold", "inet_service")
	set("set", "busy", "outside ports that a mapping has, by their hashes", "mark")
	if p.in && r.Filtering == FilterByAddress {
		set("set", "peers", "to whom a mapping has sent", "inet_service . ipv4_addr")
	}
	if p.name == "tcp" {
		set("set", "again", "inside endpoints with more than one connection: their mappings outlast the end of one", "ipv4_addr . inet_service")
	}
}
