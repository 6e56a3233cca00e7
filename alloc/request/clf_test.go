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
