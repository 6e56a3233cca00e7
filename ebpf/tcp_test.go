package ebpf

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// States of enum cgn_tcp_state by the names of the table below.
var tcpStates = []string{"CLOSED", "INIT", "ESTAB", "IN-FIN", "OUT-FIN", "BOTH", "TRANS"}

// The state machine of RFC 7857 section 2, which is that of RFC 6146 section 3.5.2.2 with inside for V6 and outside for V4.
// What the RFCs do not say: a SYN without ACK from the inside opens anew what is not established, since the host has forgotten
// what was; a connection that is new here and does not begin with a SYN starts in TRANS; a reset in a one-sided close is one.
var tcpTables = map[string]string{
	"inside": `
	           ACK     FIN      SYN    SYN+ACK  SYN+FIN  SYN+FIN+ACK  RST
	CLOSED     TRANS   TRANS    INIT   ESTAB    INIT     ESTAB        CLOSED
	INIT       INIT    INIT     INIT   ESTAB    INIT     ESTAB        INIT
	ESTAB      ESTAB   IN-FIN   ESTAB  ESTAB    IN-FIN   IN-FIN       TRANS
	IN-FIN     IN-FIN  IN-FIN   INIT   IN-FIN   INIT     IN-FIN       TRANS
	OUT-FIN    OUT-FIN BOTH     INIT   OUT-FIN  INIT     BOTH         TRANS
	BOTH       BOTH    BOTH     INIT   ESTAB    INIT     ESTAB        BOTH
	TRANS      ESTAB   ESTAB    INIT   ESTAB    INIT     ESTAB        TRANS`,
	"outside": `
	           ACK     FIN      SYN      SYN+ACK  SYN+FIN  SYN+FIN+ACK  RST
	CLOSED     TRANS   TRANS    INIT     INIT     INIT     INIT         CLOSED
	INIT       INIT    INIT     ESTAB    ESTAB    ESTAB    ESTAB        INIT
	ESTAB      ESTAB   OUT-FIN  ESTAB    ESTAB    OUT-FIN  OUT-FIN      TRANS
	IN-FIN     IN-FIN  BOTH     IN-FIN   IN-FIN   BOTH     BOTH         TRANS
	OUT-FIN    OUT-FIN OUT-FIN  OUT-FIN  OUT-FIN  OUT-FIN  OUT-FIN      TRANS
	BOTH       BOTH    BOTH     BOTH     BOTH     BOTH     BOTH         BOTH
	TRANS      ESTAB   ESTAB    ESTAB    ESTAB    ESTAB    ESTAB        TRANS`,
}

// column returns which column of the tables flags belong to.
func column(flags uint8) string {
	switch {
	case flags&rst != 0:
		return "RST"
	case flags&syn == 0 && flags&fin == 0:
		return "ACK"
	case flags&syn == 0:
		return "FIN"
	}
	name := "SYN"
	if flags&fin != 0 {
		name += "+FIN"
	}
	if flags&ack != 0 {
		name += "+ACK"
	}
	return name
}

// Every state, every octet of flags and both directions, and which of the two times counts then.
func TestTCPStates(t *testing.T) {
	p := loadParts(t, [2]uint64{})
	for from, table := range tcpTables {
		rows := strings.Split(strings.TrimSpace(table), "\n")
		columns := strings.Fields(rows[0])
		for state, text := range rows[1:] {
			cells := strings.Fields(text)
			if cells[0] != tcpStates[state] || len(cells) != len(columns)+1 {
				t.Fatalf("row %d of %s is %v", state, from, cells)
			}
			want := make(map[string]string)
			for i, c := range columns {
				want[c] = cells[i+1]
			}
			q := make([]question, 256)
			for flags := range q {
				q[flags] = question{A: uint64(state), C: uint64(flags)}
				if from == "inside" {
					q[flags].B = 1
				}
			}
			p.ask("ask_state", q)
			for flags, got := range q {
				name := fmt.Sprintf("%s, %s from %s, flags %#x", cells[0], column(uint8(flags)), from, flags)
				next := tcpStates[got.Answer]
				if next != want[column(uint8(flags))] {
					t.Errorf("%s: %s, want %s", name, next, want[column(uint8(flags))])
				}
				// RFC 5382 REQ-5: only a connection that opens or closes may go sooner, and half closed is open.
				// RFC 7857 section 2.1: which has a time for each.
				want := map[string]uint64{"ESTAB": 30, "IN-FIN": 30, "OUT-FIN": 30, "BOTH": 50, "TRANS": 50}[next]
				if want == 0 {
					want = 40
				}
				if got.Second != want {
					t.Errorf("%s: %d ticks in %s, want %d", name, got.Second, next, want)
				}
			}
		}
	}
}

const (
	stateInit  = uint32(bpf.CgnatCgnTcpStateCGN_TCP_INIT)
	stateEstab = uint32(bpf.CgnatCgnTcpStateCGN_TCP_ESTABLISHED)
	stateInFin = uint32(bpf.CgnatCgnTcpStateCGN_TCP_INSIDE_FIN)
	stateBoth  = uint32(bpf.CgnatCgnTcpStateCGN_TCP_BOTH_FIN)
	stateTrans = uint32(bpf.CgnatCgnTcpStateCGN_TCP_TRANS)
	several    = uint32(bpf.CgnatCgnSlotStateCGN_SLOT_SEVERAL)
	static     = uint32(bpf.CgnatCgnSlotStateCGN_SLOT_STATIC)
)

// What a slot remembers of sessions with two remotes, A and B.
func TestTCPSessions(t *testing.T) {
	const a, b = uint32(0xaaaaaa00), uint32(0xbbbbbb00)
	const out, in = true, false
	p := loadParts(t, [2]uint64{})
	for _, r := range []struct {
		name   string
		state  uint32
		out    bool
		remote uint32
		flags  uint8
		want   uint32
		seen   bool // by a packet from outside or a reset; else from inside, the path sees to it
	}{
		{"the first SYN", 0, out, a, syn, a | stateInit, false},
		{"the first packet of a connection that is older than we are", 0, out, a, ack, a | stateTrans, false},
		{"its second packet", a | stateTrans, out, a, ack, a | stateEstab, false},
		{"the SYN comes again", a | stateInit, out, a, syn, a | stateInit, false},
		{"the answer", a | stateInit, in, a, syn | ack, a | stateEstab, true},
		{"data", a | stateEstab, in, a, ack, a | stateEstab, true},
		{"data from somebody else", a | stateEstab, in, b, ack, a | stateEstab, false},
		{"FIN from somebody else", a | stateEstab, in, b, fin, a | stateEstab, false},
		{"reset by somebody else", a | stateEstab, in, b, rst, a | stateEstab, false},
		{"reset by the other side", a | stateEstab, in, a, rst, a | stateTrans, true},
		{"data after the reset", a | stateTrans, in, a, ack, a | stateEstab, true},
		{"reset by the other side, again", a | stateTrans, in, a, rst, a | stateTrans, false},
		{"reset by this side", a | stateEstab, out, a, rst, a | stateTrans, true},
		{"reset by this side, half closed", a | stateInFin, out, a, rst | ack, a | stateTrans, true},
		{"reset by this side, again", a | stateTrans, out, a, rst, a | stateTrans, false},
		{"reset by this side while it opens", a | stateInit, out, a, rst, a | stateInit, false},
		{"reset by this side, closed by both", a | stateBoth, out, a, rst, a | stateBoth, false},
		{"several: reset by this side", a | stateEstab | several, out, a, rst, a | stateEstab | several, false},
		{"FIN", a | stateEstab, out, a, fin | ack, a | stateInFin, false},
		{"FIN from both", a | stateInFin, in, a, fin | ack, a | stateBoth, true},
		{"a second session opens", a | stateEstab, out, b, syn, a | stateEstab | several, false},
		{"a second session opens while the first does", a | stateInit, out, b, syn, a | stateInit | several, false},
		{"a second session answers a SYN", a | stateEstab, out, b, syn | ack, a | stateEstab | several, false},
		{"a SYN from somebody else is answered by a reset", a | stateEstab, out, b, rst | ack, a | stateEstab, false},
		{"the same while the session opens", a | stateInit, out, b, rst, a | stateInit, false},
		{"the same after it was reset", a | stateTrans, out, b, rst, a | stateTrans, false},
		{"the same for a port forward", static, out, b, rst, static, false},
		{"a session follows one that is closed", a | stateBoth, out, b, syn, b | stateInit, false},
		{"a session follows one that was reset", a | stateTrans, out, b, syn, b | stateInit, false},
		{"several: FIN of one", a | stateEstab | several, out, a, fin, a | stateEstab | several, false},
		{"several: reset by one", a | stateEstab | several, in, a, rst, a | stateEstab | several, false},
		{"several: data of one", a | stateEstab | several, in, a, ack, a | stateEstab | several, false},
		{"a port forward, its first session", static, out, a, syn, static | a | stateInit, false},
		{"a port forward, answered", static | a | stateInit, in, a, syn | ack, static | a | stateEstab, true},
		{"a port forward, a second session", static | a | stateEstab, out, b, syn, static | a | stateEstab | several, false},
		{"a port forward, the next session", static | a | stateBoth, out, b, syn, static | b | stateInit, false},
	} {
		q := []question{{A: uint64(r.state), C: uint64(r.flags), D: uint64(r.remote)}}
		if r.out {
			q[0].B = 1
		}
		p.ask("ask_session", q)
		if uint32(q[0].Answer) != r.want || (q[0].Second == 1) != r.seen {
			t.Errorf("%s: state %#x, seen %t, want %#x, %t", r.name, q[0].Answer, q[0].Second == 1, r.want, r.seen)
		}
	}
}

// Which time counts for a mapping, and when it is over.
func TestTimeouts(t *testing.T) {
	const udp, icmp, established, opening, closing = 10, 20, 30, 40, 50 // those of bpf/parts.bpf.c
	p := loadParts(t, [2]uint64{})
	for _, r := range []struct {
		name  string
		proto uint64
		state uint32
		want  uint64
	}{
		{"UDP", 1, 0, udp}, {"ICMP", 2, 0, icmp}, {"UDP does not look at the state of TCP", 1, stateEstab, udp},
		{"TCP, closed", 0, 0, opening}, {"TCP, opens", 0, stateInit, opening}, {"TCP, established", 0, stateEstab, established},
		{"TCP, half closed", 0, stateInFin, established}, {"TCP, closed by both", 0, stateBoth, closing},
		{"TCP, reset", 0, stateTrans, closing}, {"TCP, several that open", 0, stateInit | several, established},
	} {
		var q []question
		for _, more := range []uint64{0, 7} {
			for _, static := range []uint32{0, static} {
				for _, now := range []uint64{0, r.want + more, r.want + more + 1, 1 << 30} {
					q = append(q, question{A: r.proto, B: uint64(r.state | static), C: now, D: more})
				}
			}
		}
		p.ask("ask_timeout", q)
		for _, got := range q {
			idle := got.C > r.want+got.D && uint32(got.B)&static == 0
			if got.Answer != r.want || (got.Second == 1) != idle {
				t.Errorf("%s: %d ticks, idle %t at %d with %d more, want %d, %t", r.name, got.Answer, got.Second == 1, got.C, got.D, r.want, idle)
			}
		}
	}
}
