package provision

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
)

// A Link is where the subscribers of a pool are: on an interface of the DHCP server, or behind relay agents.
type Link struct {
	Interface string // of the server, such as eth1
	// Address is one of the server on that interface to which relay agents send, DHCPv6 only; zero for a link without such.
	Address netip.Addr
	// Relays are the addresses by which relay agents name their link: link-address with DHCPv6, giaddr with DHCPv4. Without any, the
	// subscribers are on the interface itself, and no other pool is.
	Relays []netip.Addr
}

// links collects the links of the pools of one server.
type links struct {
	devices []string // as Kea lists them
	direct  map[string]string
	relays  map[netip.Addr]string
}

// add checks the link of a pool, and that no other pool would answer there.
func (l *links) add(pool *alloc.Pool, link Link, is func(netip.Addr) bool) error {
	if l.direct == nil {
		l.direct, l.relays = map[string]string{}, map[netip.Addr]string{}
	}
	other, twice := l.direct[link.Interface]
	switch {
	case !isInterface(link.Interface):
		return fmt.Errorf("%w %q: want 1 to 15 letters, digits, '.', '_', '-' and '@'", ErrInterface, link.Interface)
	case len(link.Relays) > 0:
	case twice:
		return fmt.Errorf("%w: pools %q and %q are both on %s, and Kea would give everybody there what is of the first", ErrInterface, other, pool.Name(), link.Interface)
	default:
		l.direct[link.Interface] = pool.Name()
	}
	for _, a := range slices.Concat(link.Relays, []netip.Addr{link.Address}) {
		if a.IsValid() && (!is(a) || a.Zone() != "" || a.IsUnspecified() || a.IsMulticast()) {
			return fmt.Errorf("%w: pool %q: %v is no address of a relay agent or of the server", ErrInterface, pool.Name(), a)
		}
	}
	for _, a := range link.Relays {
		if other, twice := l.relays[a]; twice {
			return fmt.Errorf("%w: the relay agent %v is that of pools %q and %q", ErrInterface, a, other, pool.Name())
		}
		l.relays[a] = pool.Name()
	}
	devices := []string{link.Interface}
	if link.Address.IsValid() {
		devices = append(devices, link.Interface+"/"+link.Address.String())
	}
	for _, d := range devices {
		if !slices.Contains(l.devices, d) {
			l.devices = append(l.devices, d)
		}
	}
	return nil
}

// write writes on what the server listens.
func (l *links) write(w io.Writer) {
	fmt.Fprintf(w, "    \"interfaces-config\": { \"interfaces\": [ %s ] },\n", quoted(l.devices))
}

// write writes what makes Kea choose this subnet.
func (l Link) write(w io.Writer) {
	if len(l.Relays) == 0 {
		fmt.Fprintf(w, "        \"interface\": %q,\n", l.Interface)
		return
	}
	fmt.Fprintf(w, "        \"relay\": { \"ip-addresses\": [ %s ] },\n", quoted(l.Relays))
}

// quoted returns items as strings of JSON. None has anything to be escaped.
func quoted[T any](items []T) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = fmt.Sprintf("\"%v\"", item)
	}
	return strings.Join(texts, ", ")
}

// comma returns what comes behind item i of n.
func comma(i, n int) string {
	if i+1 < n {
		return ",\n"
	}
	return "\n"
}

// isInterface reports whether Linux takes a name for an interface, and needs no escapes.
func isInterface(name string) bool {
	return name != "" && len(name) <= 15 && name != "." && name != ".." && !strings.ContainsFunc(name, func(r rune) bool {
		return (r|0x20 < 'a' || r|0x20 > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("._-@", r)
	})
}
