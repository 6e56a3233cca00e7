package request

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// withField writes a question with a bare port and one more field, in each form. "behind" and "last" are letters, in which the port stands behind the
// address and the field, and right behind the address.
func withField(t *testing.T, name, value string) map[string]string {
	t.Helper()
	const at = "2026-03-01T12:34:56Z"
	object, err := json.Marshal(map[string]any{"ip": "198.18.0.0", name: value, "port": 8080, "time": at})
	if err != nil {
		t.Fatal(err)
	}
	nested, err := json.Marshal(map[string]any{"ip": "198.18.0.0", "event": map[string]any{name: value}, "port": 8080, "time": at})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"comma":  "ip," + name + ",port,time\n198.18.0.0,\"" + value + "\",8080," + at + "\n",
		"tab":    "time\tport\tip\t" + name + "\n" + at + "\t8080\t198.18.0.0\t" + value + "\n",
		"object": string(object),
		"nested": string(nested),
		"behind": "IP: 198.18.0.0\n" + name + ": " + value + "\nPort: 8080\nTime: " + at + "\n",
		"front":  name + ": " + value + "\nPort: 8080\nIP: 198.18.0.0\nTime: " + at + "\n",
		"last":   "IP: 198.18.0.0\nPort: 8080\nTime: " + at + "\n" + name + ": " + value + "\n",
		"first":  name + ": " + value + "\nIP: 198.18.0.0\nPort: 8080\nTime: " + at + "\n",
	}
}

// TestUnknownFields writes fields that say what was attacked, in words that no list has and in some that one has, beside a bare port. It is not asked about, wherever they stand. A source port is.
func TestUnknownFields(t *testing.T) {
	fields := [][2]string{
		{"Webserver", "www.example.com"}, {"Web server", "www"}, {"My server", "srv1"}, {"Nosso servidor", "srv1"}, {"Unser Server", "srv1"}, {"Customer server", "srv1"}, {"Vhost", "www.example.com"},
		{"Contacted", "a.example"}, {"C2", "evil.example"}, {"Sinkhole", "sink1"}, {"Login to", "a.example"}, {"Connection to", "a.example"}, {"Attack", "brute force"}, {"Category", "portscan"}, {"Event", "login failed"},
		{"Zxqwv", "1"}, {"Objetivo", "srv1"}, {"Equipamento", "srv1"}, {"Module", "x"}, {"Attacked service", "abc"}, {"Target country", "BR"}, {"Domain", "www.example.com"}, {"C&C", "evil.example"}, {"Attacked", "www.example.com"}, {"Foo", "bar"},
	}
	for _, name := range []string{"Application protocol", "L7 protocol", "Services", "Service", "Jail", "Daemon", "Attack type", "Category", "Scan", "Attack", "App", "Comment", "Program"} {
		for _, value := range []string{"ssh", "SSH", "sshd", "ssh2", "tcp/ssh", "ssh-bruteforce", "SSH brute force", "http", "RDP (TCP)"} {
			fields = append(fields, [2]string{name, value})
		}
	}
	for _, name := range []string{"URL", "Target URL", "Vhost", "Contacted", "Note", "Zxqwv"} {
		for _, value := range []string{"http://www.example.com:8080/wp-login.php", "www.example.com:8080", "seen at a.example:8080, twice"} {
			fields = append(fields, [2]string{name, value})
		}
	}
	for _, f := range fields {
		for form, text := range withField(t, f[0], f[1]) {
			if isPortAsked(t, text, 8080) {
				t.Errorf("%s is answered: %q", form, text)
			}
			named := strings.NewReplacer("Port: ", "Source port: ", `"port"`, `"src_port"`, ",port,", ",src_port,", "\tport\t", "\tsrc_port\t").Replace(text)
			if !isPortAsked(t, named, 8080) {
				t.Errorf("%s is refused: %q", form, named)
			}
		}
	}
	for _, protocol := range []string{"SSH", "HTTP", "tcp/ssh", "ssh2", "TCP (SSH)", "Zxqwv"} {
		for _, text := range []string{
			"IP: 198.18.0.0\nProtocol: %s\nPort: 8080\nTime: 2026-03-01T12:34:56Z\n", "IP: 198.18.0.0\nPort: 8080\nProtocol: %s\nTime: 2026-03-01T12:34:56Z\n", "Protocol: %s\nPort: 8080\nIP: 198.18.0.0\nTime: 2026-03-01T12:34:56Z\n",
			"ip,protocol,port,time\n198.18.0.0,%s,8080,2026-03-01T12:34:56Z\n", `{"ip":"198.18.0.0","protocol":"%s","port":8080,"time":"2026-03-01T12:34:56Z"}`, `{"ip":"198.18.0.0","network":{"protocol":"%s"},"port":8080,"time":"2026-03-01T12:34:56Z"}`,
		} {
			if text = fmt.Sprintf(text, protocol); isPortAsked(t, text, 8080) {
				t.Errorf("%q is answered", text)
			}
		}
	}
}

// TestHarmlessFields writes fields of which no port is beside a bare one, which is answered.
func TestHarmlessFields(t *testing.T) {
	for _, f := range [][2]string{
		{"Case", "4711"}, {"Case number", "SSH-4711"}, {"caseId", "7"}, {"Processo nº", "1234-56"}, {"Aktenzeichen", "12 Js 3/26"}, {"Ticket", "#17"}, {"Our reference", "A-7"}, {"Username", "ssh"}, {"User ID", "root"}, {"Name", "Maria da Silva"},
		{"Investigado", "Fulano de Tal"}, {"Vara", "3a Vara Criminal"}, {"E-mail", "a@http.example"}, {"Comment", "customer of ours"}, {"Note", "login from 198.18.0.0:8080"}, {"Filename", "The.IRC.Story.2020.WEB.avi"}, {"Title", "HTTP for all"},
		{"Infringed work", "A film"}, {"Info hash", "da39a3ee"}, {"File size", "1024"}, {"ASN", "64500"}, {"ISP", "Example Telecom"}, {"Country", "BR"}, {"Reporter", "Example GmbH"}, {"Count", "3"}, {"Version", "1.2.3.4"}, {"hostname", "cpe-7.isp.example"},
		{"Transport", "tcp"}, {"Telefone", "+55 11 2222-3333"}, {"Report date", "2026-03-02"}, {"Type", "BitTorrent"}, {"Crime", "Estelionato"}, {"Plataforma", "Instagram"}, {"Software", "Windows Mail"}, {"rdns", "0-0-18-198.isp.example:8080"},
	} {
		for form, text := range withField(t, f[0], f[1]) {
			if form != "nested" && !isPortAsked(t, text, 8080) {
				t.Errorf("%s is refused: %q", form, text)
			}
		}
	}
	for _, protocol := range []string{"BitTorrent", "BITTORRENT", "eDonkey", "TCP", "udp", "P2P/BitTorrent"} {
		if text := "Protocol: " + protocol + "\nIP: 198.18.0.0\nPort: 6881\nTime: 2026-03-01T12:34:56Z\n"; !isPortAsked(t, text, 6881) {
			t.Errorf("%q is refused", text)
		}
	}
}
