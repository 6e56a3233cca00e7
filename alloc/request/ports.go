package request

import "fmt"

// Ports says what becomes of a port that nothing in the input names: the number of a row without a heading, or a field called Port and no more. It may
// be the subscriber's, or the one that was attacked. Ports with names (source port, NAT port, 198.18.0.0:6000) and those of formats that say whose they
// are (nfdump, tcpdump, ACNS) are read the same way with each.
type Ports uint8

// What may become of such ports. The zero value means: one is the subscriber's, unless the input may say otherwise anywhere; then it is refused.
const (
	PortsNamed  Ports = iota + 1 // it is refused
	PortsSource                  // it is the subscriber's, by the word of who knows the sender, whatever the text around says
)

// String returns "named", "source", or "heard".
func (p Ports) String() string {
	switch p {
	case PortsNamed:
		return "named"
	case PortsSource:
		return "source"
	}
	return "heard"
}

// errBare refuses a port that nothing names, where only ports with names are taken.
func errBare(kind error) error {
	return refuse(kind, "nothing names this port, and by the options only a port with a name is taken: name it source port, or write 198.18.0.0:6000")
}

// trusted is what errors about ports say that nothing names.
const trusted = "or say with the option for ports that those without a name are the subscriber's"

// errAnothers refuses a port that nothing names, and that could be somebody else's for a reason.
func errAnothers(kind error, why string, args ...any) error {
	return refuse(kind, "%s: name it source port or destination port, %s", fmt.Sprintf(why, args...), trusted)
}
