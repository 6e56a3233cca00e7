package daemonfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/cgnkit/cgnkit/internal/alarm"
	"github.com/cgnkit/cgnkit/internal/instance"
)

// Parse reads a configuration from memory. The error is an *Error with everything that is wrong. name is for messages.
func Parse(name string, data []byte) (*Config, error) {
	d := &decoder{name: name, config: defaults()}
	if len(data) > MaxBytes {
		d.complain(0, 0, "", "it has more than %d bytes", MaxBytes)
		return nil, &Error{d.found}
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var root yaml.Node
	switch err := dec.Decode(&root); {
	case errors.Is(err, io.EOF):
		d.complain(0, 0, "", "it is empty")
	case err != nil:
		d.syntax(err)
	case len(root.Content) != 1:
		d.complain(0, 0, "", "it is empty")
	default:
		if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
			d.complain(0, 0, "leave out all but one", "there is more than one document")
		}
		seen := d.mapping(root.Content[0], "the configuration", fields)
		d.together(root.Content[0], seen)
	}
	if len(d.found) > 0 {
		return nil, &Error{d.found}
	}
	return d.config, nil
}

// A decoder walks the nodes of one configuration. It reports what is wrong and goes on.
type decoder struct {
	name   string
	config *Config
	found  []Diagnostic
}

const maxFound = 50

func (d *decoder) complain(line, column int, hint, format string, args ...any) {
	if len(d.found) < maxFound {
		d.found = append(d.found, Diagnostic{File: d.name, Line: line, Column: column, Msg: fmt.Sprintf(format, args...), Hint: hint})
	}
}

func (d *decoder) at(n *yaml.Node, hint, format string, args ...any) {
	d.complain(n.Line, n.Column, hint, format, args...)
}

var lineOf = regexp.MustCompile(`^yaml: line (\d+): `)

// syntax reports what the library says of a file that is no YAML.
func (d *decoder) syntax(err error) {
	msg, line := err.Error(), 0
	if m := lineOf.FindStringSubmatch(msg); m != nil {
		line, _ = strconv.Atoi(m[1]) // which has digits only
		msg = msg[len(m[0]):]
	}
	d.complain(line, min(line, 1), "", "%s", strings.TrimPrefix(msg, "yaml: "))
}

// mapping reads the keys of a mapping. It returns those that are there.
func (d *decoder) mapping(n *yaml.Node, what string, known []field) map[string]*yaml.Node {
	seen := map[string]*yaml.Node{}
	names := make([]string, len(known))
	for i, f := range known {
		names[i] = f.key
	}
	if n.Kind != yaml.MappingNode {
		d.at(n, "the keys are "+strings.Join(names, ", "), "%s must have keys", what)
		return seen
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		at := slices.Index(names, k.Value)
		switch {
		case k.Kind != yaml.ScalarNode || at < 0:
			d.at(k, "the keys are "+strings.Join(names, ", "), "unknown key %q in %s", k.Value, what)
		case seen[k.Value] != nil:
			d.at(k, "leave one of them out", "duplicate key %s, first in line %d", k.Value, seen[k.Value].Line)
		case v.Kind == yaml.AliasNode:
			d.at(v, "write the value out", "%s: aliases are not accepted", k.Value)
		case known[at].kind == section:
			seen[k.Value] = k
			for key, node := range d.mapping(v, k.Value, known[at].fields) {
				seen[k.Value+"."+key] = node
			}
		default:
			seen[k.Value] = k
			d.read(known[at], v)
		}
	}
	return seen
}

// read reads the value of a field.
func (d *decoder) read(f field, n *yaml.Node) {
	v, err := f.parse(n)
	if err != nil {
		hint := ""
		if f.example != "" {
			hint = "for example " + f.key + ": " + f.example
		}
		d.at(n, hint, "%s: %v", f.key, err)
		return
	}
	f.set(d.config, v)
}

var errOneValue = errors.New("want one value")

// parse reads a node according to the kind of the field.
func (f field) parse(n *yaml.Node) (v value, err error) {
	v.node = n
	if f.kind == paths || f.kind == links || f.kind == insideOnly {
		return f.parseList(n)
	}
	if n.Kind != yaml.ScalarNode || n.Value == "" {
		return v, errOneValue
	}
	v.text = n.Value
	switch f.kind {
	case text, account:
		if len(v.text) > 256 {
			err = errors.New("it is longer than 256 bytes")
		}
		if n.ShortTag() == intTag {
			v.text, err = parseID(n)
		}
	case path:
		err = checkPath(v.text)
	case choice:
		if !slices.Contains(f.choices, v.text) {
			err = fmt.Errorf("%q is none of %s", v.text, strings.Join(f.choices, ", "))
		}
	case duration:
		v.time, err = f.parseTime(v.text)
	case number, percent:
		v.count, err = f.parseCount(n)
	case mode:
		v.mode, err = parseMode(v.text)
	case endpoint:
		v.endpoint, err = parseEndpoint(v.text)
	}
	if err == nil {
		err = f.checkType(n)
	}
	return v, err
}

func (f field) parseTime(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < f.span.least || d > f.span.most {
		return 0, fmt.Errorf("%q is no time from %v to %v", text, f.span.least, f.span.most)
	}
	return d, nil
}

func parseMode(text string) (fs.FileMode, error) {
	m, err := strconv.ParseUint(strings.TrimPrefix(text, "0o"), 8, 32)
	if err != nil || m > 0o777 || m&0o600 != 0o600 {
		return 0, fmt.Errorf("%q is no mode in octal digits that lets the owner read and write", text)
	}
	return fs.FileMode(m), nil
}

// off is a percentage that is never reached.
const off = "off"

func (f field) parseCount(n *yaml.Node) (int, error) {
	least, most := f.least, f.most
	if f.kind == percent {
		least, most = 1, 100
		if n.Value == off {
			return 0, nil
		}
	}
	count, err := whole(n)
	if n.ShortTag() == strTag && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		return 0, fmt.Errorf("%q is text: leave the quotes out", n.Value)
	}
	if err != nil || count < int64(least) || count > int64(most) {
		return 0, fmt.Errorf("%q is no whole number from %d to %d", n.Value, least, most)
	}
	return int(count), nil
}

func parseEndpoint(text string) (netip.AddrPort, error) {
	a, err := netip.ParseAddrPort(text)
	if err != nil || a.Port() == 0 || a.Addr().Zone() != "" || text[strings.LastIndexByte(text, ':')+1] == '0' {
		return a, fmt.Errorf("%q is no address with a port, such as 127.0.0.1:9742 or [::1]:9742", text)
	}
	return a, nil
}

// maxItems is how long a list may be.
const maxItems = 256

func (f field) parseList(n *yaml.Node) (v value, err error) {
	v.node = n
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	if len(items) == 0 || len(items) > maxItems {
		return v, fmt.Errorf("want from 1 to %d entries", maxItems)
	}
	for _, item := range items {
		if item.Kind != yaml.ScalarNode || item.Value == "" {
			return v, errOneValue
		}
		if err := f.checkType(item); err != nil {
			return v, err
		}
		if f.kind == paths {
			if err := checkPath(item.Value); err != nil {
				return v, err
			}
			v.list = append(v.list, item.Value)
			continue
		}
		name, realm, named := strings.Cut(item.Value, "=")
		switch {
		case name == "" || len(name) > 15 || strings.ContainsAny(name, "/ \t\n"):
			return v, fmt.Errorf("%q is no name of an interface", name)
		case named && (realm == "" || f.kind == insideOnly):
			return v, fmt.Errorf("%q: only inside interfaces have a realm, NAME=REALM", item.Value)
		}
		v.links = append(v.links, Interface{name, realm})
	}
	return v, nil
}

func checkPath(p string) error {
	switch {
	case len(p) > 4095 || strings.ContainsRune(p, 0):
		return errors.New("it is no path")
	case !filepath.IsAbs(p) && !strings.HasPrefix(p, "/"):
		return fmt.Errorf("%q does not begin with /: a daemon has no folder that paths could start from", p)
	}
	return nil
}

// xdpOnly are the keys that belong to one backend.
var xdpOnly = []string{"interfaces", "policy", "port-key", "events"}

// maxSocket is how long the path of a unix socket may be.
const maxSocket = 107

// Files returns the files that a configuration names besides the log of traces, each with its key. That of the ledger has others beside it.
func (c *Config) Files() [][2]string {
	all := [][2]string{
		{"ledger", c.Ledger}, {"plan", c.Plan}, {"policy", c.Policy}, {"port-key", c.PortKey}, {"listen.unix", c.Listen.Unix}, {"listen.tokens", c.Listen.Tokens},
		{"listen.certificate", c.Listen.Certificate}, {"listen.key", c.Listen.Key},
	}
	for _, path := range c.KeyFiles {
		all = append(all, [2]string{"key-files", path})
	}
	return all
}

// audit has the log of traces be a file of its own.
func (d *decoder) audit(seen map[string]*yaml.Node) {
	c := d.config
	at := cmp.Or(seen["audit"], seen["ledger"], seen["plan"])
	for _, other := range c.Files() {
		key, path := other[0], other[1]
		if path == "" || at == nil {
			continue
		}
		file, log := filepath.Clean(path), filepath.Clean(c.Audit)
		if rest, ok := strings.CutPrefix(log, file); ok && (rest == "" || key == "ledger" && strings.HasPrefix(rest, ".")) {
			d.at(at, "for example audit: /var/log/cgnd/audit.jsonl", "audit and %s: traces are written to a file of their own", key)
		}
	}
}

// together checks what keys mean for each other.
func (d *decoder) together(root *yaml.Node, seen map[string]*yaml.Node) {
	c := d.config
	switch {
	case seen["ledger"] != nil && seen["plan"] != nil:
		d.at(seen["plan"], "leave one of them out", "plan and ledger: a daemon follows one of them")
	case seen["ledger"] == nil && seen["plan"] == nil && root.Kind == yaml.MappingNode:
		d.at(root, "for example ledger: /var/lib/cgnd/ledger.jsonl", "there is neither ledger nor plan: nothing to follow")
	}
	for _, key := range xdpOnly {
		if n := seen[key]; n != nil && c.Backend != XDP {
			d.at(n, "leave it out, or write backend: xdp", "%s belongs to backend xdp, and this is %s", key, c.Backend)
		}
	}
	if n := seen["instance"]; n != nil {
		if _, ok := instance.Parse(c.Instance); !ok {
			d.at(n, "for example instance: cgn", "instance: want %s", instance.Rule)
		}
	}
	if n := seen["listen.unix"]; n != nil && len(c.Listen.Unix) > maxSocket {
		d.at(n, "", "listen.unix: the path of a socket has at most %d bytes", maxSocket)
	}
	d.listens(seen)
	d.audit(seen)
	d.alarms(seen)
	names := map[string]bool{}
	for _, l := range slices.Concat(c.Inside, c.Outside) {
		if names[l.Name] {
			d.at(seen["interfaces"], "name it once", "interfaces: %s stands twice", l.Name)
		}
		names[l.Name] = true
	}
}

// listens checks that nobody is listened to on TCP by accident.
func (d *decoder) listens(seen map[string]*yaml.Node) {
	l, tcp := d.config.Listen, seen["listen.tcp"]
	if tcp == nil {
		for _, key := range []string{"tokens", "certificate", "key", "plain"} {
			if n := seen["listen."+key]; n != nil {
				d.at(n, "for example tcp: '[::]:9743'", "listen.%s belongs to listen.tcp, which is missing", key)
			}
		}
		return
	}
	if !l.TCP.IsValid() {
		return // that was complained about
	}
	if l.Tokens == "" {
		d.at(tcp, "for example tokens: /etc/cgnd/tokens", "listen.tcp: listen.tokens is missing: who may ask there?")
	}
	switch {
	case l.Certificate != "" && l.Key == "":
		d.at(seen["listen.certificate"], "for example key: /etc/cgnd/tls.key", "listen.certificate: listen.key is missing")
	case l.Key != "" && l.Certificate == "":
		d.at(seen["listen.key"], "for example certificate: /etc/cgnd/tls.crt", "listen.key: listen.certificate is missing")
	case l.Certificate == "" && !l.TCP.Addr().Unmap().IsLoopback() && !l.PlainAnywhere:
		d.at(tcp, "give listen.certificate and listen.key, or say plain: anywhere",
			"listen.tcp: %v is not of loopback, and without a certificate everybody in between could read tokens", l.TCP)
	}
	if m := d.config.Metrics; m.IsValid() && m.Port() == l.TCP.Port() && (m.Addr() == l.TCP.Addr() || m.Addr().IsUnspecified() || l.TCP.Addr().IsUnspecified()) {
		d.at(tcp, "give it another port", "listen.tcp: metrics is at port %d already", m.Port())
	}
}

// alarms checks thresholds against each other. Where nobody looks there is nothing to clear.
func (d *decoder) alarms(seen map[string]*yaml.Node) {
	a := &d.config.Alarms
	for i, t := range []*alarm.Thresholds{&a.Pool, &a.Address, &a.Subscriber} {
		key := "alarms." + alarm.Levels[i].String()
		raise, clearing := seen[key+".raise"], seen[key+".clear"]
		switch {
		case clearing != nil && t.Clear == 0 && t.Raise > 0:
			d.at(clearing, "write raise: off", "%s: clear: an alarm that is raised must end some time", key)
		case t.Raise == 0 && clearing != nil:
			d.at(clearing, "leave it out", "%s: clear: without raise there is nothing to clear", key)
		case t.Raise == 0:
			t.Clear = 0
		case t.Clear >= t.Raise:
			d.at(cmp.Or(clearing, raise), "for example raise: 90 and clear: 70", "%s: clear %d is not below raise %d: an alarm would come and go all the time", key, t.Clear, t.Raise)
		}
	}
}
