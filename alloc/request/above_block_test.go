package request

import (
	"strings"
	"testing"
)

// TestAboveBlock writes lines of their own above a block with a bare port: only ordinary words, and labels of which no port is, leave it that of the source.
func TestAboveBlock(t *testing.T) {
	const block = "Port: 2222\nIP: 198.18.0.0\nTime: 2026-02-01T05:30:00Z\n"
	for line, read := range map[string]bool{
		"Honeypot\n": false, "Our honeypot\n": false, "Attacked:\n": false, "Attack on www.example.com\n": false, "Service: ssh\n\n": false, "Victim: www.example.com\n\n": false, "Angegriffen wurde unser Rechner\n": false, "SSH brute force:\n\n": false,
		"Honeypot\n\n": false, "Alvo\n": false, "Webserver 1\n": false, "Firewall\n\n": false, "Fail2ban\n\n": false, "RDP scan against 203.0.113.9\n\n": false, "Attack on www.example.com\n\n": false,
		"Dear all,\n\nplease identify the user:\n\n": true, "Case: 12/2026\n\n": true, "Case: 12/2026\nRequested data:\n": true, "Prezados senhores,\n\nsolicitamos os dados cadastrais do usuário:\n": true, "Anfrage 1\n": true, "": true,
	} {
		for _, front := range []string{"", "Subject: x\n\n"} {
			if text := front + line + block; isPortAsked(t, text, 2222) != read {
				t.Errorf("%q: answered %v", text, !read)
			}
			if text := front + line + strings.Replace(block, "Port", "Source port", 1); !isPortAsked(t, text, 2222) {
				t.Errorf("%q is refused", text)
			}
		}
	}
}
