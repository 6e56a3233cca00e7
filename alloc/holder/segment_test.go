package holder

import "testing"

// TestNothingSure has a session of whose records each can have been on both sides of another's last record.
func TestNothingSure(t *testing.T) {
	b := read(t, block("Start", "b", 10, joao, ip1, "Timestamp = 1772366440")+block("Stop", "b", 11, joao, ip1, "Timestamp = 1772366441")+
		block("Interim-Update", "a", 30, maria, ip1)+block("Start", "z", 0, joao, ip2)+block("Stop", "z", 90, joao, ip2))
	if got, want := ask(b, inside1, 50, 50, 0), "uncertain maria@isp?: no Stop seen"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
