package request

import "testing"

// TestClientOfLogs checks which of several addresses before the time of a web log is the client's.
func TestClientOfLogs(t *testing.T) {
	const rest = ` [10/Jan/2026:12:34:56 +0000] "GET / HTTP/1.1" 200 1` + "\n"
	for who, want := range map[string]string{
		"198.18.0.0 - -":                             "198.18.0.0",
		"198.18.0.0 - frank":                         "198.18.0.0",
		"198.18.0.0 - frank smith":                   "198.18.0.0",
		"198.18.0.0 ident frank":                     "198.18.0.0",
		"198.18.0.0 -":                               "198.18.0.0",
		"198.18.0.0":                                 "198.18.0.0",
		"203.0.113.1:443 198.18.0.0 - -":             "198.18.0.0",
		"203.0.113.1 198.18.0.0:6000 - -":            "198.18.0.0:6000",
		"203.0.113.1:443 198.18.0.0 - frank":         "198.18.0.0",
		"www.example.com:443 198.18.0.0 - -":         "198.18.0.0",
		"www.example.com 198.18.0.0 - frank":         "198.18.0.0",
		"203.0.113.1:443 2001:db8::1 - -":            ErrIPv6.Error(),
		"203.0.113.1:443 client.example.com - -":     ErrAddress.Error(),
		"203.0.113.1:443 198.18.0.0 -":               ErrAddress.Error(),
		"203.0.113.1 198.18.0.0":                     ErrAddress.Error(),
		"203.0.113.1 client.example.com":             ErrAddress.Error(),
		"203.0.113.1 - 198.18.0.0":                   ErrAddress.Error(),
		"203.0.113.1 198.18.0.0 192.0.2.1 - -":       ErrAddress.Error(),
		"198.18.0.0, 203.0.113.1 - -":                ErrAddress.Error(),
		"www.example.com 203.0.113.1 198.18.0.0 - -": ErrAddress.Error(),
		"203.0.113.1 198.18.0.0 ident frank":         ErrAddress.Error(),
		"client.example.com - -":                     ErrAddress.Error(),
	} {
		if want[0] == '1' {
			want += " at 2026-01-10T12:34:56Z"
		}
		if got := askedOf(t, who+rest, Options{}); got != "1: "+want {
			t.Errorf("%q: %s, want %s", who, got, want)
		}
	}
}

// TestQuotedAddresses checks that an address in what a client asked for does not make a web log a list of flows. Names of flows
// outside of quotes do, and then the word before the time is no client.
func TestQuotedAddresses(t *testing.T) {
	const at = ` [10/Jan/2026:12:34:56 +0000] `
	const asked = "198.18.0.0 at 2026-01-10T12:34:56Z"
	checkAsked(t, []want{
		{"198.18.0.0 - -" + at + `"GET /?ip=198.18.0.9 HTTP/1.1" 200 12` + "\n198.18.0.0 - -" + at + `"GET / HTTP/1.1" 200 12` + "\n", "1: " + asked + "\n2: " + asked},
		{"198.18.0.0 - -" + at + `"GET /?a=\" src=198.18.0.9 HTTP/1.1" 200 12 "-" "dst=198.18.0.8"` + "\n", "1: " + asked},
		{"203.0.113.1" + at + "src=198.18.0.0:6000 dst=203.0.113.9:443\n", "1: invalid time"},
		{"203.0.113.1" + at + `src="198.18.0.0:6000" dst="203.0.113.9:443"` + "\n", "1: invalid time"},
	})
}
