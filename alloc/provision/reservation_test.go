package provision

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestReadReservations(t *testing.T) {
	seven := Reservation{"\x00\x03\x00\x01\x02\x00\x00\x00\x00\x07", pfx("2001:db8::/56")}
	eight := Reservation{"\x00\x03\x00\x01\x02\x00\x00\x00\x00\x08", pfx("2001:db8:1::1/128")}
	for name, c := range map[string]struct {
		text string
		want []Reservation
	}{
		"by place":  {"00:03:00:01:02:00:00:00:00:07,2001:db8::/56\n00030001020000000008,2001:db8:1::1\n", []Reservation{seven, eight}},
		"by name":   {"\ufeffcustomer,end-user-prefix,duid\r\n# the first\r\nSmith,2001:db8::/56,00030001020000000007\r\n", []Reservation{seven}},
		"no end":    {"duid, end-user-prefix\n\n00030001020000000007, 2001:db8::/56", []Reservation{seven}},
		"uppercase": {"00:03:00:01:02:00:00:00:00:07,2001:DB8::/56\n", []Reservation{seven}},
	} {
		if got, err := ReadReservations(strings.NewReader(c.text)); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                                 "has none",
		"duid,end-user-prefix\n":           "has none",
		"a,b,c\n":                          "has 3 instead of 2",
		"x,2001:db8::/56\n":                `line 1: "x" is no DUID`,
		"0003,2001:db8::/56\n":             "is no DUID",
		"000301,2001:db8::1/56\n":          "is no IPv6 prefix",
		"000301,192.0.2.0/24\n":            "is no IPv6 prefix",
		"000301,fe80::1%eth0\n":            "is no IPv6 prefix",
		"000301,::ffff:192.0.2.1\n":        "is no IPv6 prefix",
		"000301,2001:db8::/56\n\n000301\n": "line 3: wrong number of fields",
		"000301,\"2001:db8::/56\n":         "line",
		strings.Repeat("00", 129) + ",2001:db8::/56\n":               "is no DUID",
		"duid,end-user-prefix\n000301,\"\x1b[2J" + "\"\n":            `line 2: "\x1b[2J"`,
		"duid,end-user-prefix\n" + strings.Repeat("z", 5000) + ",\n": "is no DUID",
	} {
		_, err := ReadReservations(strings.NewReader(text))
		if !errors.Is(err, ErrReservation) || !strings.Contains(err.Error(), want) || len(err.Error()) > 400 {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

// What is read is written and read again as the same.
func FuzzReadReservations(f *testing.F) {
	f.Add("duid,end-user-prefix\n00:03:00:01:02:00:00:00:00:07,2001:db8::/56\n")
	f.Add("000301,2001:db8::1\n# x\n")
	f.Add("\"a\nb\",c,\"")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ReadReservations(strings.NewReader(text))
		if err != nil {
			if len(list) > 0 {
				t.Errorf("%v, and %d reservations", err, len(list))
			}
			return
		}
		var b strings.Builder
		for _, r := range list {
			b.WriteString(r.text() + "," + r.Prefix.String() + "\n")
		}
		if again, err := ReadReservations(strings.NewReader(b.String())); err != nil || !slices.Equal(again, list) {
			t.Errorf("%q: %v, and again %v, %v", text, list, again, err)
		}
	})
}
