package rulefile_test

import (
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

const (
	bucketMap = " map m { type ipv4_addr . mark : interval ipv4_addr . inet_service; elements = { 10.0.0.1 . 0 : 198.18.0.1 . 1-9, 10.0.0.1 . 1 : 198.18.0.1 . 20-29 } }\n"
	echoes    = "icmp type { echo-reply, echo-request } meta mark set jhash ip saddr . icmp id mod 2 seed 0x1\n"
	sockets   = "meta l4proto { tcp, udp } meta mark set jhash ip saddr . th sport mod 2 seed 0x1\n"
	askBucket = "meta l4proto { icmp, tcp, udp } snat ip to ip saddr . meta mark map @m\n"
)

// bucketed returns rules that choose one of two ranges, with others before and behind those that choose.
func bucketed(chains, before, behind string) string {
	return "table inet n {\n" + bucketMap + chains + " chain p { type nat hook postrouting priority srcnat;\n" + before + echoes + sockets + behind + askBucket + " }\n}\n"
}

// TestMarkBehindBucket sets the mark in all ways between the rules of buckets and the map: which bucket a packet has is not sure then.
// What is before them, or about something else, does no harm.
func TestMarkBehindBucket(t *testing.T) {
	const marking = " chain m5 { meta mark set 5; }\n chain far { ip daddr 192.0.2.1 jump m5\n }\n chain away { goto m5\n }\n chain calm { ip daddr 192.0.2.1 counter\n ct mark set meta mark\n }\n"
	for _, c := range []struct {
		before, behind string
		sure           bool
	}{
		{"", "", true},
		{"", "meta mark set 5\n", false},
		{"", "mark set 5\n", false},
		{"", "ip saddr 10.0.0.1 meta mark set 5\n", false},
		{"", "meta l4proto udp meta mark set 0\n", false},
		{"", "meta mark set meta mark or 0x10\n", false},
		{"", "meta mark set ct mark\n", false},
		{"", "meta mark set ip saddr map { 10.0.0.1 : 5 }\n", false},
		{"", "limit rate 5/second meta mark set 5\n", false},
		{"", "fib saddr type local meta mark set 5\n", false},
		{"", "ct mark set 5 meta mark set 5\n", false},
		{"", "ct mark set jhash ip saddr mod 2 meta mark set 5\n", false},
		{"", "meta mark set 5 ip daddr 192.0.2.1 drop\n", false},
		{"", "meta mark set 5 meta l4proto gre\n", false},
		{"", "jump m5\n", false},
		{"", "jump far\n", false},
		{"", "jump away\n", false},
		{"", "ip saddr vmap { 10.0.0.9 : jump far }\n", false},
		{"", "meta mark set jhash ip saddr mod 2 meta mark set 5\n", false},
		{"", "meta mark set jhash ip saddr . th sport mod 3\n", false},
		{"", "fib saddr type local meta mark set jhash ip saddr mod 3\n", false},
		{"", "meta mark set jhash ip saddr mod 4 meta l4proto tcp\n", false},
		{"", "meta mark set jhash ip saddr . udp sport mod 4\n", false},
		{"", "numgen inc mod 2 meta mark set 1\n", false},
		{"", "meta mark set jhash ip saddr . ether saddr mod 3\n", false}, // packets that never were on Ethernet keep theirs
		{"meta mark set 5\n", "", false},                                  // queries that are no echo requests keep it
		{"jump m5\n", "", false},
		{"meta l4proto { tcp, udp } meta mark set 5\n", "", true},
		{"meta mark set jhash ip saddr mod 2\n", "", true},
		{"meta mark set jhash ip saddr mod 4\n", "", false},
		{"", "ip6 saddr 2001:db8::1 meta mark set 5\n", true},
		{"", "ct mark set meta mark\n", true},
		{"", "ct mark set meta mark and 0xff meta nftrace set 1\n", true},
		{"", "jump calm\n", true},
		{"", "goto_is_a_comment comment \"meta mark set 5\"\n", true},
		{"", "oifname \"eth9\" meta mark set numgen inc mod 2\n", true},
		{"", "meta mark set jhash ip saddr . ip daddr mod 2 seed 7\n", true},
	} {
		table := parse(t, "nftables", bucketed(marking, c.before, c.behind))
		if got := table.Conditions(); mentionsMark(got) == c.sure {
			t.Errorf("%q before, %q behind: got %v", c.before, c.behind, got)
		}
	}
}

func mentionsMark(list []rulefile.Condition) bool {
	for _, c := range list {
		if c.Effect == rulefile.Only && strings.Contains(c.String(), "meta mark of") {
			return true
		}
	}
	return false
}

// TestBucketsOfEchoes gives a bucket to some messages of icmp only: those that begin a flow must be among them.
func TestBucketsOfEchoes(t *testing.T) {
	for types, sure := range map[string]bool{
		"icmp type { echo-reply, echo-request } ": true, "icmp type echo-request ": true, "icmp type { 8, 13 } ": true, "": true,
		"icmp type echo-reply ": false, "icmp type != echo-request ": false, "icmp type { echo-reply, timestamp-request } ": false, "icmp code 0 ": false,
		"ip daddr 192.0.2.1 icmp type echo-request ": false,
	} {
		text := strings.Replace(bucketed("", "", ""), "icmp type { echo-reply, echo-request } ", types, 1)
		if got := parse(t, "nftables", text).Conditions(); mentionsMark(got) == sure {
			t.Errorf("%q: got %v", types, got)
		}
	}
}

// TestHashes makes buckets of other fields: of those that not every packet has, there is no bucket for some.
func TestHashes(t *testing.T) {
	for hash, sure := range map[string]bool{
		"jhash ip saddr . th sport mod 2 seed 0x1": true, "jhash ip saddr mod 2": true, "symhash mod 2": true, "numgen random mod 2": true, "jhash ip saddr . meta l4proto . th dport mod 2": true,
		"jhash ether saddr . ip saddr mod 2": false, "jhash ip saddr . udp sport mod 2": false, "jhash ip saddr . th sport mod 2 offset 1": false, "jhash ip saddr . mod 2": false, "jhash mod 2": false,
		"jhash ip saddr . th sport mod 0": false, "jhash ip saddr . fib saddr type mod 2": false, "jhash ip saddr and 255.0.0.0 mod 2": false,
	} {
		text := strings.Replace(bucketed("", "", ""), "jhash ip saddr . th sport mod 2 seed 0x1", hash, 1)
		if got := parse(t, "nftables", text).Conditions(); mentionsMark(got) == sure {
			t.Errorf("%q: got %v", hash, got)
		}
	}
}

// TestSetAndVerdict reads rules that set something and decide: what stands between the two is a match.
func TestSetAndVerdict(t *testing.T) {
	for rule, want := range map[string]string{
		"ct mark set 5 ip saddr 10.0.0.1 accept":                     "10.0.0.2 198.18.0.1 10-19",
		"meta mark set meta mark or 0x10 ip saddr 10.0.0.1 accept":   "10.0.0.2 198.18.0.1 10-19",
		"meta nftrace set 1 ip saddr 10.0.0.2 drop":                  "10.0.0.1 198.18.0.1 1-9",
		"meta mark set 5 counter packets 0 bytes 0 return":           "",
		"meta priority set 1:10 ip saddr 10.0.0.9 accept":            twoRows,
		"meta mark set ip saddr map { 10.0.0.1 : 1 } counter accept": "refused",
		"ct zone set jhash ip saddr mod 2 ip daddr 192.0.2.1 accept": "refused",
		"meta mark set jhash ip saddr mod 2 ip saddr 10.0.0.1 drop":  "refused",
	} {
		got := "refused"
		if table, err := tryParse(t, "nftables", nftPost+"  "+rule+"\n"+nftTwo); err == nil {
			got = rowsOf(table)
		} else if strings.Contains(err.Error(), "no rule here gives") {
			got = ""
		}
		if got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", rule, got, want)
		}
	}
}
