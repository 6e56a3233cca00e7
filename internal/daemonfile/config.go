package daemonfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/cgnkit/cgnkit/internal/alarm"
)

// MaxBytes is how long a configuration may be.
const MaxBytes = 1 << 20

// ErrConfig means: a configuration is not valid. It is an *Error.
var ErrConfig = errors.New("invalid configuration")

// The backends.
const (
	Nftables = "nftables"
	XDP      = "xdp"
)

// A Config says what a daemon is to do.
type Config struct {
	File     string // where it stands
	Backend  string // Nftables or XDP
	Instance string
	// Ledger or Plan is where the plan comes from; the other one is "".
	Ledger, Plan    string
	KeyFiles        []string
	Inside, Outside []Interface // XDP only; none = those that the instance has
	Policy, PortKey string      // files, XDP only; "" = what the instance has
	Report          bool        // drift is only reported
	LeaveEvents     bool        // XDP only: refusals are left to another reader
	VerifyEvery     time.Duration
	Listen          Listen
	Metrics         netip.AddrPort // where Prometheus reads; the zero AddrPort = nowhere
	MetricsTop      int            // how many subscribers who use most are shown there by address
	UsageEvery      time.Duration  // how often it is read who uses how many ports
	Alarms          alarm.Config
	Audit           string // the file that every trace is written to
	Log             Log
}

// An Interface is a link of the host, and the realm of the inside addresses behind it.
type Interface struct{ Name, Realm string }

// Listen is where the API is.
type Listen struct {
	Unix        string // path of a socket; "" = nowhere
	User, Group string // whose it is; "" = that of the process
	Mode        fs.FileMode
	// TCP is where it is besides; the zero AddrPort = nowhere. With it there are Tokens, and there is a Certificate unless the address
	// is one of loopback or PlainAnywhere is set.
	TCP              netip.AddrPort
	Tokens           string // file of who may ask
	Certificate, Key string // files for TLS; both or none
	PlainAnywhere    bool
}

// Log is how the daemon logs.
type Log struct {
	Level slog.Level
	JSON  bool
}

// A Diagnostic is one complaint about one place of a configuration.
type Diagnostic struct {
	File         string
	Line, Column int    // from 1; 0 when the complaint is about the file as a whole
	Msg          string // what is wrong
	Hint         string // what would be right; may be empty
}

// Error returns "file:line:column: message (hint)".
func (d Diagnostic) Error() string {
	place := d.File
	if d.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Column)
	}
	text := place + ": " + d.Msg
	if d.Hint != "" {
		text += " (" + d.Hint + ")"
	}
	return readable(text)
}

// An Error is everything that is wrong with a configuration.
type Error struct{ Diagnostics []Diagnostic }

// Error returns the diagnostics, one a line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Diagnostics))
	for i, d := range e.Diagnostics {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// Is reports whether target is ErrConfig.
func (e *Error) Is(target error) bool { return target == ErrConfig }

// Load reads the configuration at path. The error is ErrConfig, or one of package os.
func Load(path string) (*Config, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // to open a pipe would wait
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is no regular file", path), err)
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	c, err := Parse(path, data)
	if err != nil {
		return nil, err
	}
	c.File = path
	return c, nil
}

// readable keeps control characters from terminals.
func readable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e {
			return '?'
		}
		return r
	}, s)
}
