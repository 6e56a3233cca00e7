package request

// A Format is how an input is written.
type Format uint8

// The formats that are recognised; the package comment describes them.
const (
	CSV Format = iota + 1
	JSON
	Tcpdump
	NetFlow
	ACNS
	XARF
	CLF
	Plain
	Mail
)

var formatNames = [...]string{
	CSV: "csv", JSON: "json", Tcpdump: "tcpdump", NetFlow: "netflow", ACNS: "acns", XARF: "x-arf", CLF: "clf", Plain: "plain", Mail: "mail",
}

// String returns "csv", "json", "tcpdump", "netflow", "acns", "x-arf", "clf", "plain" or "mail".
func (f Format) String() string {
	if f == 0 || int(f) >= len(formatNames) {
		return "invalid Format"
	}
	return formatNames[f]
}
