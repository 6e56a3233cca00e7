package request

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// askedWith asks with one more field beside a bare port, in each form. In the block it stands right before the port.
func askedWith(t *testing.T, name, value string) map[string]string {
	t.Helper()
	const at = "2026-03-01T12:34:56Z"
	object, err := json.Marshal(map[string]any{"ip": "198.18.0.0", name: value, "port": 6000, "time": at})
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{}
	for form, text := range map[string]string{
		"table":  "ip,port,time," + name + "\n198.18.0.0,6000," + at + ",\"" + value + "\"\n",
		"letter": "IP: 198.18.0.0\n" + name + ": " + value + "\nPort: 6000\nTime: " + at + "\n",
		"object": string(object),
	} {
		answers[form] = told(t, text, Options{})
	}
	return answers
}

// TestNoAddress writes what looks like an address beside a bare port: versions, names of hosts, networks. The port is still that of the address.
func TestNoAddress(t *testing.T) {
	const chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/98.0.0.0 Safari/537.36"
	for _, field := range [][2]string{
		{"user_agent", chrome}, {"User Agent", chrome}, {"Device", chrome}, {"client.agent", chrome}, {"user agent", "WhatsApp 2.23.20.76"}, {"Device", "WhatsApp 2.23.20.76 (Android)"},
		{"version", "1.2.3.4"}, {"app_version", "2.23.20.76"}, {"App Version", "250.0.0.14.89"}, {"device.app_version", "2.23.20.76"}, {"firmware", "10.1.2.3"}, {"sdk", "1.2.3.4"}, {"os", "Windows 10.0.22.3"}, {"os_ver", "10.0.22.3"}, {"client", "410.0.0.35"},
		{"hostname", "0.0.18.198.isp.example"}, {"rdns", "198.18.0.0.isp.example"}, {"dns name", "host-0.0.18.198.adsl.example.net"}, {"ptr", "0.0.18.198.in-addr.arpa"}, {"hostname", "0-0-18-198.isp.example"},
		{"network", "198.18.0.0/15"}, {"prefix", "198.18.0.0/24"}, {"range", "198.18.0.0 - 198.18.0.255"}, {"range", "198.18.0.0-198.18.0.255"}, {"note", "login from 198.18.0.0:6000"}, {"note", "198.018.000.000"}, {"note", "::ffff:198.18.0.0"}, {"previous_ip", "203.0.113.5"},
	} {
		for form, got := range askedWith(t, field[0], field[1]) {
			if !strings.Contains(got, "198.18.0.0:6000 at 2026-03-01T12:34:56Z") {
				t.Errorf("%s, %v: %s", form, field, got)
			}
		}
	}
	for _, field := range [][2]string{
		{"device", "203.0.113.9"}, {"device", "198.18.0.0, 203.0.113.9"}, {"agent", "203.0.113.9"}, {"network", "203.0.113.0/24"}, {"range", "203.0.113.0 - 203.0.113.255"}, {"log", "src=198.18.0.0 dst=203.0.113.9"}, {"log", "DST:203.0.113.9:2222"}, {"log", "(203.0.113.9)"},
		{"log", "198.18.0.0.6000 > 203.0.113.9.2222: Flags [S]"}, {"log", "ssh://root@203.0.113.9:2222/"}, {"log", "203.0.113.9/2222"}, {"log", "2001:db8::9"}, {"log", "[2001:db8::9]:2222"}, {"log", "para o servidor “203.0.113.9”"}, {"log", "198.18.0.0:203.0.113.9"},
	} {
		for form, got := range askedWith(t, field[0], field[1]) {
			if strings.Contains(got, "198.18.0.0:6000 at") {
				t.Errorf("%s, %v: %s", form, field, got)
			}
		}
	}
}

// TestManyAddresses checks that another address is not passed over behind many mentions of the one that is asked about, however they are spread.
func TestManyAddresses(t *testing.T) {
	for n := range 3 * maxBesides {
		names, values := "", ""
		for i := range n {
			names, values = names+fmt.Sprintf("x%d,", i), values+"198.18.0.0,"
		}
		if got := told(t, "ip,port,time,"+names+"x\n198.18.0.0,6000,2026-03-01T12:34:56Z,"+values+"203.0.113.9\n", Options{}); !strings.Contains(got, "(invalid port)") {
			t.Errorf("%d: %s", n, got)
		}
	}
}

// TestLongFields reads a long field in which the asked address, or what is nearly a clock, stands again and again. Where each of them has the rest looked at, this takes hours.
func TestLongFields(t *testing.T) {
	addr := netip.MustParseAddr("198.18.0.0")
	for _, word := range []string{"198.18.0.0 ", "198.18.0.0:", "198.18.0.0/15,", "http://198.18.0.0/"} {
		if text := strings.Repeat(word, 1<<20); hasOtherAddress(text, addr) || !hasOtherAddress(text+" 203.0.113.9", addr) {
			t.Error(word)
		}
	}
	for _, word := range []string{"99:99 ", "1:1:", "9T9"} {
		if hasClock(strings.Repeat(word, 1<<20)) {
			t.Error(word)
		}
	}
}

// TestAttackedFirst writes the system that was attacked, by address or name, in every order with a bare port and the address of the attacker.
func TestAttackedFirst(t *testing.T) {
	const at = "Time: 2026-03-01T12:34:56Z\n"
	for _, name := range []string{
		"Victim IP", "Victim", "Sensor IP", "Honeypot", "Honeypot IP", "Attacked host", "Our server", "Host", "Service IP", "Local IP", "Alvo", "IP da vítima", "Angegriffener Server", "Betroffenes System", "Sistema afetado", "Server", "Target",
		"Destination", "Victim's host", "Reporter", "Note",
	} {
		for _, value := range []string{"203.0.113.9", "www.example.com", "web-3"} {
			system := name + ": " + value + "\n"
			named := value == "203.0.113.9" || !slices.Contains([]string{"Reporter", "Note"}, name)
			attacked := named && !slices.Contains([]string{"Reporter", "Note"}, name)
			for text, read := range map[string]bool{
				system + "Port: 6000\nAttacker IP: 198.18.0.0\n" + at:                          !named,
				at + system + "Port: 6000\nAttacker IP: 198.18.0.0\n":                          !named,
				"Attacker IP: 198.18.0.0\n" + system + "Port: 6000\n" + at:                     !named,
				"Attacker IP: 198.18.0.0\n" + system + at + "Port: 6000\n":                     !named,
				system + "Network: 198.18.0.0/15\nPort: 6000\nIP: 198.18.0.0\n" + at:           !named,
				"Attacker IP: 198.18.0.0\nPort: 6000\n" + system + at:                          !attacked,
				system + "Attacker IP: 198.18.0.0\nPort: 6000\n" + at:                          !attacked,
				system + "Source port: 6000\nAttacker IP: 198.18.0.0\n" + at:                   true,
				"Network: 198.18.0.0/15\nPort: 6000\nAttacker IP: 198.18.0.0\n" + at:           true,
				"Case: 4711\nOur reference: 12\nPort: 6000\nIP: 198.18.0.0\n" + at:             true,
				strings.Repeat("Note: a\n", 20) + system + "Port: 6000\nIP: 198.18.0.0\n" + at: !named,
			} {
				if got := told(t, text, Options{}); read != (strings.Contains(got, "198.18.0.0:6000 ") && strings.Contains(got, " at 2026-03-01T12:34:56Z")) {
					t.Errorf("%q: %s", text, got)
				}
			}
		}
	}
}

// TestAttackedByName checks names of systems that were attacked in each form, and fields that only look like such a name, or hold a person.
func TestAttackedByName(t *testing.T) {
	for field, read := range map[[2]string]bool{
		{"honeypot", "www.example.com"}: false, {"sensor", "hp 3"}: false, {"victim", "www.example.com"}: false, {"attacked host", "web-3"}: false, {"our_server", "x"}: false, {"host", "www.example.com"}: false,
		{"alvo", "www.example.com"}: false, {"Angegriffener Server", "web"}: false, {"Sistema afetado", "Joomla 4"}: false, {"targetHost", "www.example.com"}: false, {"server_name", "www.example.com"}: false, {"victim", "the site www.example.com"}: false,
		{"dst_host", "www.example.com"}: false, {"event.sensor", "de-1"}: false, {"Zielsystem", "web"}: false, {"victim.host", "web"}: false,

		{"hostname", "cpe-7.isp.example"}: true, {"host", "0-0-18-198.isp.example"}: true, {"host", "host-198-18-0-0.isp.example"}: true, {"host", "198.18.0.0"}: true, {"victim", "Maria A. da Silva"}: true, {"vítima", "Maria Silva"}: true, {"alvo", "Fulano de Tal"}: true,
		{"server_time", "2026-03-01"}: false, {"target_country", "BR"}: false, {"our reference", "4711"}: true, {"observer", "x"}: false, {"salvo", "x"}: false, {"honeypot", "n/a"}: true, {"ziel", "-"}: true,
	} {
		for form, got := range askedWith(t, field[0], field[1]) {
			if read != strings.Contains(got, "198.18.0.0:6000 at 2026-03-01T12:34:56Z") {
				t.Errorf("%s, %v: %s", form, field, got)
			}
		}
	}
}
