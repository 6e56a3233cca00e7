package rulefile_test

import "testing"

// TestVyOSTracking reads rules that take packets away from connection tracking. Without it there is no translation, in either direction.
func TestVyOSTracking(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"set system conntrack ignore ipv4 rule 10 source address 10.0.0.0/24\n", "not translated: where system conntrack ignore ipv4 rule 10, for some"},
		{"set system conntrack ignore rule 10 protocol udp\n", "not translated: where system conntrack ignore rule 10, for some"},
		{"system {\n conntrack {\n ignore {\n ipv4 {\n rule 10 {\n protocol udp\n }\n }\n }\n }\n}\n", "not translated: where system conntrack ignore ipv4 rule 10, for some"},
		{"set firewall ipv4 prerouting raw rule 20 action notrack\n", "not translated: where firewall ipv4 prerouting raw rule 20, for some"},
		{"set firewall ipv4 prerouting raw default-action notrack\n", "not translated: where firewall ipv4 prerouting raw, for some"},
		{"set firewall ipv4 name lan rule 20 action 'notrack'\n", "not translated: where firewall ipv4 name lan rule 20, for some"},
		{"firewall {\n ipv4 {\n prerouting {\n raw {\n rule 20 {\n action notrack\n disable\n }\n }\n }\n }\n}\n", ""},
		{"set firewall ipv4 prerouting raw rule 20 disable\nset firewall ipv4 prerouting raw rule 20 action notrack\n", ""},
		{"set firewall ipv4 output raw rule 20 action notrack\n", ""},
		{"set firewall ipv6 prerouting raw rule 20 action notrack\nset system conntrack ignore ipv6 rule 10 protocol udp\n", ""},
		{"set firewall ipv4 prerouting raw rule 20 action accept\nset firewall ipv4 prerouting raw rule 20 description notrack\n", ""},
		{"set firewall ipv4 forward filter rule 1 disable\ndelete nat destination\n", ""},
		{"set system conntrack modules ftp\nset system conntrack timeout icmp 30\n", ""},
	} {
		got := ""
		for _, one := range parse(t, "vyos", c.text+vyosTwo).Conditions() {
			got += one.String()
		}
		if len(got) < len(c.want) || got[:len(c.want)] != c.want || c.want == "" && got != "" {
			t.Errorf("%s: got %q, want %q", c.text, got, c.want)
		}
	}
}
