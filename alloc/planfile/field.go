package planfile

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/cgnkit/cgnkit/alloc"
)

// Version is the value of "version" that this package reads and writes.
const Version = 1

// A kind is the type of a value in a plan file.
type kind uint8

const (
	text    kind = iota + 1
	number       // a decimal number
	boolean      // true or false
	portRange
	portSet
	addresses  // an address, prefix or range, or a list of them
	subscriber // addresses, and {file: NAME}
	shareList  // shares as text or mappings, and {file: NAME}

	destinations  // a destination, or a list of them
	versionNumber // the number Version
	poolList      // a list of pools
	softwireList  // a list of pools of MAP and lw4o6
	ruleList      // a list of MAP rules
	prefix        // an IPv6 or IPv4 prefix
	address6      // an IPv6 address
	bindingList   // bindings as text, and {file: NAME}
)

// A field is one key of a plan or of a pool. The decoder, the JSON Schema and the tables in docs/plan-format.md are made from
// the tables below.
type field struct {
	key      string
	kind     kind
	required bool
	orShares bool     // required, but in a pool that lists shares
	values   []string // of kind text, where only some are possible
	initial  string   // the default, as text
	doc      string
	example  string // may be empty for keys of the plan

	set func(d *decoder, p *pool, n *yaml.Node) // for every kind but number; p is nil for a key of the plan

	least, most int // for kind number
	number      func(p *pool, v int)
}

// planFields are the keys of a plan.
var planFields = []field{
	{key: "version", kind: versionNumber, required: true,
		doc: "Version of the format: 1.",
		set: func(d *decoder, _ *pool, n *yaml.Node) { d.version(n) }},
	{key: "no-translate", kind: destinations, initial: "none", example: "0.0.0.0/0 udp/53",
		doc: "Destinations that are not translated: addresses, optionally with `tcp/` or `udp/` and destination ports. None may hold an outside address; `0.0.0.0/0` with ports leaves those out by itself.",
		set: func(d *decoder, _ *pool, n *yaml.Node) { d.destinations(n) }},
	{key: "pools", kind: poolList, initial: "none, with `softwires`",
		doc: "The pools of NAT44, in order.",
		set: func(d *decoder, _ *pool, n *yaml.Node) { d.pools(n) }},
	{key: "softwires", kind: softwireList, initial: "none, with `pools`",
		doc: "The pools of MAP-E, MAP-T and lightweight 4over6, in order.",
		set: func(d *decoder, _ *pool, n *yaml.Node) { d.softwires(n) }},
}

// fields are the keys of a pool.
var fields = []field{
	{key: "name", kind: text, required: true, example: "fttx-north",
		doc: "Name of the pool, unique in the plan. Letters, digits, `.`, `_` and `-`.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.spec.Name = d.text(n) }},
	{key: "realm", kind: text, initial: alloc.DefaultRealm, example: "wholesale-b",
		doc: "Inside address space of the subscribers. The same inside address may stand in two realms.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.spec.Realm = d.text(n) }},
	{key: "inside", kind: subscriber, orShares: true, example: "100.64.0.0/22",
		doc: "Subscribers in order: addresses, prefixes, ranges, or `{file: NAME}` for a list in a file beside the plan.",
		set: func(d *decoder, p *pool, n *yaml.Node) { d.inside(p, n) }},
	{key: "exclude-inside", kind: addresses, example: "100.64.0.1",
		doc: "Inside addresses that are no subscribers. They have no position: excluding one moves everyone behind it.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.spec.ExcludeInside = d.addresses(p, "exclude-inside", n) }},
	{key: "outside", kind: addresses, orShares: true, example: "198.18.0.0/27",
		doc: "Outside addresses in the order in which they are filled.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.spec.Outside = d.addresses(p, "outside", n) }},
	{key: "exclude-outside", kind: addresses, example: "198.18.0.7",
		doc: "Outside addresses that get no subscribers.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.spec.ExcludeOutside = d.addresses(p, "exclude-outside", n) }},
	{key: "skip-edge-addresses", kind: boolean, initial: "false", example: "true",
		doc: "Exclude the first and last address of every inside and outside prefix shorter than /31.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.spec.SkipEdges = d.boolean(n) }},
	{key: "scheme", kind: text, initial: "sequential", example: "sequential",
		doc: "Rule that places shares: " + strings.Join(alloc.SchemeNames(), ", ") + ".",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.spec.Scheme = d.scheme(n) }},
	{key: "ports", kind: portRange, initial: "1024-65535, with scheme explicit 1-65535", example: "1024-65535",
		doc: "Usable ports of an outside address. Ports outside the range are reserved; port 0 always is.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.spec.Ports = d.portRange(n) }},
	{key: "reserve", kind: portSet, initial: "none", example: "1900,5060-5061",
		doc: "Further ports that are never given to anyone.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.spec.Reserve = d.portSet(n) }},
	{key: "ports-per-subscriber", kind: number, least: 1, most: 65535, initial: "derived", example: "2016",
		doc:    "S, the ports of a share. Not with scheme psid.",
		number: func(p *pool, v int) { p.spec.PortsPerSubscriber = v }},
	{key: "sharing-ratio", kind: number, least: 1, most: 65535, initial: "derived", example: "32",
		doc:    "C, subscribers per outside address. 1 makes a 1:1 pool. Without it and without ports-per-subscriber, the smallest ratio at which all fit.",
		number: func(p *pool, v int) { p.spec.SharingRatio = v }},
	{key: "dynamic-shares", kind: number, least: 0, most: 65535, initial: "0", example: "2",
		doc:    "RFC 7422's D: shares per outside address set aside for dynamic blocks.",
		number: func(p *pool, v int) { p.spec.DynamicShares = v }},
	{key: "dynamic-ports", kind: number, least: 0, most: 65535, initial: "0", example: "8064",
		doc:    "Ports per outside address set aside for dynamic blocks. Not with dynamic-shares.",
		number: func(p *pool, v int) { p.spec.DynamicPorts = v }},
	{key: "psid-offset", kind: number, least: 0, most: 15, initial: "6", example: "6",
		doc:    "RFC 7597's a. Scheme psid only.",
		number: func(p *pool, v int) { p.spec.PSIDOffset = &v }},
	{key: "psid-length", kind: number, least: 0, most: 16, initial: "derived", example: "8",
		doc:    "RFC 7597's k. Scheme psid only. a + k is at most 16.",
		number: func(p *pool, v int) { p.spec.PSIDLength = &v }},
	{key: "step", kind: number, least: 1, most: 65535, example: "4",
		doc:    "T, the number of interleaved subscribers in a window. Scheme step only, and required there.",
		number: func(p *pool, v int) { p.spec.StepSize = v }},
	{key: "key-id", kind: text, example: "9f31c0de5a7b0042",
		doc: "ID of the key, never the key. Scheme random only, and required there.",
		set: func(d *decoder, p *pool, n *yaml.Node) { p.spec.KeyID = d.scalar(n) }},
	{key: "shares", kind: shareList, example: "100.64.0.1 198.18.0.1 1024-2047",
		doc: "Who has what, in order: subscriber, outside address and ports as text, a mapping with the keys `subscriber`, `outside` and `ports`, or `{file: NAME}` for CSV beside the plan. Scheme explicit only, and required there, in place of `inside`, `outside` and the sizes.",
		set: func(d *decoder, p *pool, n *yaml.Node) { d.shares(p, n) }},
}

// fieldNamed returns the field of a key that stands in a table.
func fieldNamed(fields []field, key string) field {
	return fields[slices.IndexFunc(fields, func(f field) bool { return f.key == key })]
}

// keyNames returns the keys of a table.
func keyNames(fields []field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.key
	}
	return names
}
