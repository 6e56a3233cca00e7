package s46

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cgnkit/cgnkit/portset/softwire"
)

func pfx(text string) netip.Prefix { return netip.MustParsePrefix(text) }

var (
	ruleA1 = Rule{Forwarding: true, EALen: 16, IPv4: pfx("192.0.2.0/24"), IPv6: pfx("2001:db8::/40")}
	ruleA5 = Rule{IPv4: pfx("192.0.2.18/32"), IPv6: pfx("2001:db8:12:3400::/56"), Ports: &PortParams{6, 8, 0x34}}
	bind   = Bind{IPv4: netip.MustParseAddr("192.0.2.18"), IPv6: pfx("2001:db8:12:3400::/56"), Ports: &PortParams{0, 8, 0x34}}
	br     = BR{netip.MustParseAddr("2001:db8:ffff::1")}
	dmr    = DMR{pfx("2001:db8:ffff::/64")}
)

// options are the vectors of rfc.json about RFC 7598, by id.
var options = map[string]Option{
	"rfc7598-rule-A1": ruleA1, "rfc7598-rule-A5": ruleA5, "rfc7598-br": br, "rfc7598-dmr64": dmr, "rfc7598-v4v6bind": bind,
	"rfc7598-portparams-6-8-34": PortParams{6, 8, 0x34},
	"rfc7598-cont-mape":         MAPE{[]Rule{ruleA1}, []BR{br}}, "rfc7598-cont-mapt": MAPT{[]Rule{ruleA1}, dmr}, "rfc7598-cont-lw": LW{&bind, []BR{br}},
}

var equal = cmp.Options{cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{})}

type vector struct {
	ID       string
	Inputs   map[string]json.RawMessage
	Expected json.RawMessage
}

func vectors(t testing.TB) map[string]vector {
	t.Helper()
	b, err := os.ReadFile("../../../testdata/vectors/rfc.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []vector }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	byID := map[string]vector{}
	for _, v := range file.Vectors {
		if strings.HasPrefix(v.ID, "rfc7598") || strings.HasPrefix(v.ID, "rfc8925") {
			byID[v.ID] = v
		}
	}
	return byID
}

func decode[T any](t testing.TB, raw json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func mustHex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVectors(t *testing.T) {
	all := vectors(t)
	for id, o := range options {
		t.Run(id, func(t *testing.T) {
			want := mustHex(t, decode[string](t, all[id].Expected))
			got, err := Append(nil, o)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("Append = %x, %v; want %x", got, err, want)
			}
			back, rest, err := Decode(append(want, 0xff))
			if err != nil || len(rest) != 1 {
				t.Fatalf("Decode = %v, %d octets behind, %v", back, len(rest), err)
			}
			if diff := cmp.Diff(o, back, equal); diff != "" {
				t.Errorf("Decode (-want +got):\n%s", diff)
			}
		})
		delete(all, id)
	}
	for name, code := range decode[map[string]Code](t, all["rfc7598-codes"].Expected) {
		if code.String() != name {
			t.Errorf("option %d is %v, want %s", code, code, name)
		}
	}
	delete(all, "rfc7598-codes")
	if got := AppendV6Only(nil, decode[uint32](t, all["rfc8925-opt"].Inputs["v6only_wait"])); hex.EncodeToString(got) != decode[string](t, all["rfc8925-opt"].Expected) {
		t.Errorf("option 108 is %x", got)
	}
	delete(all, "rfc8925-opt")
	containers(t, all["rfc7598-containers"])
	delete(all, "rfc7598-containers")
	for id, v := range all {
		seconds, ok := v.Inputs["option_value"]
		if !ok {
			t.Errorf("vector %s is not tested", id)
			continue
		}
		want := decode[struct {
			Timer uint32 `json:"client_timer"`
		}](t, v.Expected)
		if got := V6OnlyTimer(decode[uint32](t, seconds)); got != want.Timer {
			t.Errorf("%s: %d, want %d", id, got, want.Timer)
		}
	}
}

// containers puts every option, none, one and two of it, into every container, and asks whether table 1 of RFC 7598 allows it.
func containers(t *testing.T, v vector) {
	whole := map[string]struct {
		code Code
		need []Option
	}{"mape": {CodeMAPE, []Option{ruleA1, br}}, "mapt": {CodeMAPT, []Option{ruleA1, dmr}}, "lw": {CodeLW, []Option{br}}}
	parts := map[string]Option{"S46_RULE": ruleA1, "S46_BR": br, "S46_DMR": dmr, "S46_V4V6BIND": bind}
	for name, row := range decode[map[string]map[string]string](t, v.Expected) {
		part, ok := parts[name]
		if name == "S46_PORTPARAMS" {
			continue // O: in a rule or binding, which other vectors have
		}
		if !ok || len(row) != 3 {
			t.Fatalf("row %s: %v", name, row)
		}
		for column, rule := range row {
			c := whole[column]
			for n := range 3 {
				var body []byte
				for _, o := range c.need {
					if o.Code() != part.Code() {
						body, _ = Append(body, o)
					}
				}
				for range n {
					body, _ = Append(body, part)
				}
				allowed := map[string][3]bool{"M>=1": {false, true, true}, "M==1": {false, true, false}, "O<=1": {true, true, false}, "N": {true, false, false}}[rule]
				_, _, err := Decode(wrap(c.code, body))
				if (err == nil) != allowed[n] || err != nil && !errors.Is(err, ErrContent) {
					t.Errorf("%d times %s in %s (%s): %v", n, name, column, rule, err)
				}
			}
		}
	}
}

// wrap writes code and length before a body.
func wrap(code Code, body []byte) []byte {
	return append([]byte{byte(code >> 8), byte(code), byte(len(body) >> 8), byte(len(body))}, body...)
}

// Every option cut off at every octet, and with every length that is not its own.
func TestTruncated(t *testing.T) {
	for id, o := range options {
		whole, err := Append(nil, o)
		if err != nil {
			t.Fatal(err)
		}
		for n := range whole {
			if got, _, err := Decode(whole[:n]); !errors.Is(err, ErrTruncated) || got != nil {
				t.Errorf("%s cut at %d: %v, %v", id, n, got, err)
			}
		}
		body := whole[4:]
		for n := range body { // cut, and the length says so
			got, _, err := Decode(wrap(o.Code(), body[:n]))
			if err == nil && !shorter(o, n) {
				t.Errorf("%s with a body of %d octets: %v", id, n, got)
			}
		}
		for lie := range body { // the length is too small, and what is left over is no option
			b := bytes.Clone(whole)
			b[2], b[3] = byte(lie>>8), byte(lie)
			if got, rest, err := Decode(b); err == nil && (!shorter(o, lie) || len(rest) != len(body)-lie) {
				t.Errorf("%s with length %d: %v", id, lie, got)
			}
		}
	}
}

// shorter reports whether the first n octets of the body of o are an option, too: one that ends before something optional.
func shorter(o Option, n int) bool {
	switch o := o.(type) {
	case Rule:
		return o.Ports != nil && n == 8+7
	case Bind:
		return o.Ports != nil && n == 5+7
	}
	return false
}

func TestAppendErrors(t *testing.T) {
	many := MAPE{BRs: []BR{br}}
	for range 5000 {
		many.Rules = append(many.Rules, ruleA1)
	}
	host := ruleA1
	host.IPv4 = netip.PrefixFrom(netip.MustParseAddr("192.0.2.1"), 24)
	for name, tc := range map[string]struct {
		o    Option
		want error
	}{
		"nothing": {Rule{}, ErrValue}, "host bits": {host, ErrValue}, "a PSID that is left-aligned": {PortParams{6, 8, 0x3400}, ErrValue},
		"no rule": {MAPE{BRs: []BR{br}}, ErrContent}, "no BR": {LW{}, ErrContent}, "no DMR": {MAPT{Rules: []Rule{ruleA1}}, ErrContent},
		"bad rule": {MAPE{[]Rule{ruleA1, host}, []BR{br}}, ErrValue}, "bad DMR": {DMR{pfx("2001:db8::/63")}, ErrValue},
		"bad binding": {LW{&Bind{}, []BR{br}}, ErrValue}, "IPv4 relay": {BR{netip.MustParseAddr("192.0.2.1")}, ErrValue}, "too long": {many, ErrSize},
		"EA": {Rule{EALen: 49, IPv4: ruleA1.IPv4, IPv6: ruleA1.IPv6}, ErrValue}, "bad ports": {Rule{IPv4: ruleA1.IPv4, IPv6: ruleA1.IPv6, Ports: &PortParams{16, 0, 0}}, ErrValue},
	} {
		if b, err := Append([]byte("x"), tc.o); !errors.Is(err, tc.want) || string(b) != "x" {
			t.Errorf("%s: %q, %v; want %v", name, b, err, tc.want)
		}
	}
}

func TestContainers(t *testing.T) {
	var b []byte
	for _, o := range []Option{options["rfc7598-cont-mape"], ruleA1, br, options["rfc7598-cont-lw"]} { // bare options are ignored
		b, _ = Append(b, o)
	}
	b = append(b, mustHex(t, "0001000100"+"005f0000")...) // another option, and an empty container
	list, discarded := Containers(b)
	if diff := cmp.Diff([]Option{options["rfc7598-cont-mape"], options["rfc7598-cont-lw"]}, list, equal); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(discarded) != 1 || !errors.Is(discarded[0], ErrContent) {
		t.Errorf("discarded: %v", discarded)
	}
	if _, discarded = Containers(b[:len(b)-1]); len(discarded) != 1 || !errors.Is(discarded[0], ErrTruncated) {
		t.Errorf("cut off: %v", discarded)
	}
}

// Rules and bindings of package softwire go there and back.
func TestSoftwire(t *testing.T) {
	for _, o := range []Rule{ruleA1, ruleA5, {EALen: 16, IPv4: pfx("192.0.2.0/24"), IPv6: pfx("2001:db8::/40"), Ports: &PortParams{Offset: 4}}} {
		r, err := softwire.NewRule(o.Spec())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(o, RuleOf(r), equal); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	table, err := softwire.NewBindings(func(yield func(softwire.BindingSpec) bool) { yield(bind.Spec()) })
	if err != nil {
		t.Fatal(err)
	}
	for b := range table.All() {
		if diff := cmp.Diff(bind, BindOf(b), equal); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	for want, spec := range map[string]softwire.DomainSpec{
		"rfc7598-cont-mape": {Rules: []softwire.RuleSpec{ruleA1.Spec()}, Relay: br.Addr},
		"rfc7598-cont-mapt": {Rules: []softwire.RuleSpec{ruleA1.Spec()}, DMR: dmr.Prefix},
		"":                  {Rules: []softwire.RuleSpec{ruleA1.Spec()}},
	} {
		d, err := softwire.NewDomain(spec)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ContainerOf(d)
		if diff := cmp.Diff(options[want], got, equal); diff != "" || (err == nil) != (want != "") {
			t.Errorf("%q: %v (-want +got):\n%s", want, err, diff)
		}
	}
}

// An explicit PSID counts where EA bits give a whole address and no PSID, and nowhere else (RFC 7598 section 4.5).
func TestExplicitPSID(t *testing.T) {
	rule := func(eaLen uint8, p PortParams) Rule {
		return Rule{EALen: eaLen, IPv4: pfx("192.0.2.0/24"), IPv6: pfx("2001:db8::/40"), Ports: &p}
	}
	for name, c := range map[string]struct {
		rule        Rule
		endUser     string
		ipv4, ports string
	}{
		// 8 EA bits and /24 are an address: the PSID is used.
		"used":                 {rule(8, PortParams{6, 8, 0x34}), "2001:db8:12::/48", "192.0.2.18/32", "1232-1235"},
		"used, another offset": {rule(8, PortParams{4, 8, 0x34}), "2001:db8:12::/48", "192.0.2.18/32", "4928-4943"},
		"used, rule4 is /32":   {ruleA5, "2001:db8:12:3400::/56", "192.0.2.18/32", "1232-1235"},
		// EA bits that hold a PSID say it. The offset is no PSID, and counts.
		"EA bits, same":    {rule(16, PortParams{6, 8, 0x34}), "2001:db8:12:3400::/56", "192.0.2.18/32", "1232-1235"},
		"EA bits, offset":  {rule(16, PortParams{4, 8, 0x34}), "2001:db8:12:3400::/56", "192.0.2.18/32", "4928-4943"},
		"EA bits, no PSID": {rule(16, PortParams{4, 0, 0}), "2001:db8:12:3400::/56", "192.0.2.18/32", "4928-4943"},
		// A router with a prefix has all ports of it.
		"prefix":          {rule(4, PortParams{6, 8, 0x34}), "2001:db8:10::/44", "192.0.2.16/28", "0-65535"},
		"prefix, no PSID": {rule(4, PortParams{4, 0, 0}), "2001:db8:10::/44", "192.0.2.16/28", "0-65535"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := Append(nil, c.rule)
			if err != nil {
				t.Fatal(err)
			}
			o, _, err := Decode(b)
			if err != nil {
				t.Fatal(err)
			}
			ce, err := o.(Rule).CE(pfx(c.endUser))
			if err != nil || ce.IPv4() != pfx(c.ipv4) || !strings.HasPrefix(ce.Ports().String()+",", c.ports+",") {
				t.Errorf("%v: %v with %v, %v; want %s with %s", o, ce, ce.Ports(), err, c.ipv4, c.ports)
			}
		})
	}
}

// What contradicts the EA bits is reported: the length for all routers of the rule, the PSID for the one that is told of it.
func TestContradiction(t *testing.T) {
	rule := func(p PortParams) Rule {
		return Rule{EALen: 16, IPv4: pfx("192.0.2.0/24"), IPv6: pfx("2001:db8::/40"), Ports: &p}
	}
	for name, c := range map[string]struct {
		ports   PortParams
		endUser string
		is      error
		text    string
	}{
		"length":        {PortParams{6, 4, 3}, "2001:db8:12:3400::/56", softwire.ErrLength, "psid-length: 4 contradicts the EA bits"},
		"length, zero":  {PortParams{6, 4, 0}, "2001:db8:12:3400::/56", softwire.ErrLength, "psid-length: 4 contradicts the EA bits"},
		"PSID":          {PortParams{6, 8, 0x35}, "2001:db8:12:3400::/56", ErrContent, "S46_RULE: S46_PORTPARAMS: invalid content: PSID 53 contradicts the EA bits of 2001:db8:12:3400::/56, which hold 52"},
		"PSID, zero":    {PortParams{6, 8, 0}, "2001:db8:12:3400::/56", ErrContent, "PSID 0 contradicts"},
		"no subscriber": {PortParams{6, 8, 0x34}, "2001:db9:12:3400::/56", softwire.ErrNoRule, ""},
	} {
		ce, err := rule(c.ports).CE(pfx(c.endUser))
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) || ce.IsValid() {
			t.Errorf("%s: %v, %v", name, ce, err)
		}
	}
}

func TestDecodeV6Only(t *testing.T) {
	whole := AppendV6Only(nil, DefaultV6OnlyWait)
	if seconds, rest, err := DecodeV6Only(append(whole, 255)); err != nil || seconds != 1800 || len(rest) != 1 {
		t.Errorf("%d, %x, %v", seconds, rest, err)
	}
	for n := range whole {
		if _, _, err := DecodeV6Only(whole[:n]); !errors.Is(err, ErrTruncated) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	if _, _, err := DecodeV6Only([]byte{108, 5, 0, 0, 0, 0, 0}); !errors.Is(err, ErrValue) {
		t.Errorf("length 5: %v", err)
	}
	if _, _, err := DecodeV6Only([]byte{53, 4, 0, 0, 0, 0}); !errors.Is(err, ErrUnknown) {
		t.Errorf("option 53: %v", err)
	}
}

// Whatever decodes is written again, and then read as the same.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		var text string
		if json.Unmarshal(v.Expected, &text) == nil {
			b, _ := hex.DecodeString(text)
			f.Add(b)
		}
	}
	f.Add(mustHex(f, "005e0004005e0000"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, discarded := Containers(b)
		if len(list)+len(discarded) > len(b)/4+1 {
			t.Fatalf("%d containers, %d errors of %d octets", len(list), len(discarded), len(b))
		}
		_, _, _ = DecodeV6Only(b)
		o, rest, err := Decode(b)
		if err != nil {
			if o != nil {
				t.Fatalf("%v, %v", o, err)
			}
			return
		}
		again, err := Append(nil, o)
		if err != nil || len(again) > len(b)-len(rest) {
			t.Fatalf("Append(%v) = %x, %v", o, again, err)
		}
		back, _, err := Decode(again)
		if diff := cmp.Diff(o, back, equal); err != nil || diff != "" {
			t.Fatalf("%v (-want +got):\n%s", err, diff)
		}
		if r, ok := o.(Rule); ok {
			_, _ = softwire.NewRule(r.Spec())
		}
	})
}
