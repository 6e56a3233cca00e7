package request

import (
	"strings"
)

// sshdQuestion reads a line of the log of an SSH server: a whole time with its zone, perhaps a host, sshd[123]:, and one address with its port. Whoever logs in
// chooses the name of a user in it: a line with a second address or port is not read.
func sshdQuestion(line string) (r Request, ok bool) {
	words := strings.Fields(line)
	if len(words) < 6 || len(words) > maxWords || !isSSHD(words[1]) && !isSSHD(words[2]) {
		return r, false
	}
	st, err := parseStamp(words[0], 0)
	if err != nil || st.year == 0 || !st.zoned || !st.iso || st.precision != toSecond {
		return r, false
	}
	at := hostOfSSHD(words)
	if at < 0 || at+2 >= len(words) || words[at+1] != "port" {
		return r, false
	}
	e, err := parseEndpoint(words[at])
	port, bad := parsePort(words[at+2])
	if err != nil || bad != nil || e.hasPort {
		return r, false
	}
	r.Outside, r.Port, r.HasPort = e.addr, port, true
	r.From, r.To, err = st.resolve(nil)
	return r, err == nil
}

// hostOfSSHD returns which word is the one address of a line, behind which its one port stands, or -1.
func hostOfSSHD(words []string) int {
	at := -1
	for i, word := range words[2:] {
		bare := strings.Trim(word, `,;"'()[]<>`)
		switch {
		case bare == "":
		case !hasAddress(bare) && !strings.EqualFold(bare, "port"):
		case strings.EqualFold(bare, "port") && at == i+1: // right behind the address
		case at >= 0 || strings.EqualFold(bare, "port"):
			return -1
		default:
			at = i + 2
		}
	}
	return at
}

// isSSHD reports whether a word is the name of the program: sshd[123]:, sshd-session[123]:.
func isSSHD(word string) bool {
	name, pid, ok := strings.Cut(strings.TrimSuffix(word, ":"), "[")
	return (name == "sshd" || name == "sshd-session") && (!ok || strings.HasSuffix(pid, "]"))
}
