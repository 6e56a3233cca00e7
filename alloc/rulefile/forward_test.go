package rulefile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

const (
	iptForward = "*nat\n:PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n%s" +
		"-A POSTROUTING -s 10.0.0.1 -p tcp -j SNAT --to-source 198.18.0.1:1024-2047\n-A POSTROUTING -s 10.0.0.1 -p udp -j SNAT --to-source 198.18.0.1:1024-2047\n" +
		"-A POSTROUTING -s 10.0.0.2 -p tcp -j SNAT --to-source 198.18.0.1:2048-3071\n-A POSTROUTING -s 10.0.0.2 -p udp -j SNAT --to-source 198.18.0.1:2048-3071\n" +
		"-A POSTROUTING -s 10.0.0.3 -j SNAT --to-source 198.18.0.2\nCOMMIT\n"
	nftForward = "table ip n {\n chain post {\n  type nat hook postrouting priority 100;\n" +
		"  ip saddr 10.0.0.1 meta l4proto { tcp, udp } snat to 198.18.0.1:1024-2047\n  ip saddr 10.0.0.2 meta l4proto { tcp, udp } snat to 198.18.0.1:2048-3071\n" +
		"  ip saddr 10.0.0.3 snat to 198.18.0.2\n }\n chain sub {\n  %[2]s\n }\n chain pre {\n  type nat hook prerouting priority -100;\n  %[1]s\n }\n}\n"
	rosForward = "/ip firewall nat\nadd chain=srcnat action=src-nat protocol=tcp src-address=10.0.0.1 to-addresses=198.18.0.1 to-ports=1024-2047\n" +
		"add chain=srcnat action=src-nat protocol=udp src-address=10.0.0.1 to-addresses=198.18.0.1 to-ports=1024-2047\n" +
		"add chain=srcnat action=src-nat protocol=tcp src-address=10.0.0.2 to-addresses=198.18.0.1 to-ports=2048-3071\n" +
		"add chain=srcnat action=src-nat protocol=udp src-address=10.0.0.2 to-addresses=198.18.0.1 to-ports=2048-3071\n" +
		"add chain=srcnat action=src-nat src-address=10.0.0.3 to-addresses=198.18.0.2\n%s"
	vyosForward = "set nat cgnat pool external e external-port-range 1024-3071\nset nat cgnat pool external e per-user-limit port 1024\nset nat cgnat pool external e range 198.18.0.1/32\n" +
		"set nat cgnat pool internal i range 10.0.0.1-10.0.0.2\nset nat cgnat rule 1 source pool i\nset nat cgnat rule 1 translation pool e\n%s"
)

// aForward is a rule that forwards ports, and whose packets it takes; "" where it takes nobody's, but for those of the subscriber to whom it sends them.
type aForward struct{ rules, from string }

// checkForwards reads rules before others, and expects a condition that is equal to none, or none at all.
func checkForwards(t *testing.T, format string, write func(rules string) string, list []aForward) {
	t.Helper()
	for _, c := range list {
		table, err := tryParse(t, format, write(c.rules))
		if err != nil {
			t.Errorf("%s: %v", c.rules, err)
			continue
		}
		var said []string
		for _, one := range table.Conditions() {
			said = append(said, one.String())
		}
		all := strings.Join(said, "\n")
		onlyA, _, _ := rulefile.CompareConditions(table.Conditions(), table.Conditions(), rulefile.Protocols{TCP: true, UDP: true, ICMP: true, Other: true})
		if (c.from == "") != (all == "") || !strings.Contains(all, c.from) || (c.from == "") != (len(onlyA) == 0) {
			t.Errorf("%s: got %q (%d of them equal to none), want the share of %q", c.rules, all, len(onlyA), c.from)
		}
	}
}

func TestForwardsOfIptables(t *testing.T) {
	checkForwards(t, "iptables", func(r string) string { return fmt.Sprintf(iptForward, r) }, []aForward{
		{"-A PREROUTING -d 198.18.0.1/32 -p udp -m udp --dport 1500 -j DNAT --to-destination 10.0.0.2:80\n", "to 198.18.0.1 udp/1500, where DNAT 10.0.0.2:80 takes what comes to the share of 10.0.0.1,"},
		{"-A PREROUTING -d 198.18.0.1/32 -p udp -m udp --dport 1500 -j DNAT --to-destination 10.0.0.1:80\n", ""},
		{"-A PREROUTING -d 198.18.0.1/32 -p udp -m multiport --dports 80,1500,2048 -j DNAT --to-destination 10.0.0.1:80\n", "10.0.0.2"},
		{"-A PREROUTING -d 198.18.0.1/32 -p tcp --dport 80 -j DNAT --to-destination 10.0.0.2:80\n", ""}, // nobody's port
		{"-A PREROUTING -d 198.18.0.1/32 -p tcp --dport 1024:2047 -j DNAT --to-destination 10.0.0.1-10.0.0.2\n", "10.0.0.1"},
		{"-A PREROUTING -d 198.18.0.1/32 -p tcp --dport 1024:2047 -j DNAT --to-destination 10.0.0.1\n", ""},
		{"-A PREROUTING -d 198.18.0.1/32 -p tcp ! --dport 1500 -j DNAT --to-destination 10.0.0.1\n", "10.0.0.2"},
		{"-A PREROUTING -d 198.18.0.1/32 -j DNAT --to-destination 10.0.0.1\n", "10.0.0.2"},
		{"-A PREROUTING -d 198.18.0.2/32 -j DNAT --to-destination 10.0.0.3\n", ""},
		{"-A PREROUTING -d 198.18.0.2/32 -p icmp -j DNAT --to-destination 10.0.0.1\n", "10.0.0.3"},
		{"-A PREROUTING -d 198.18.0.3/32 -j DNAT --to-destination 10.0.0.1\n", ""},
		{"-A PREROUTING ! -d 198.18.0.1/32 -p tcp -j DNAT --to-destination 10.0.0.1\n", "10.0.0.3"},
		{"-A PREROUTING -i eth0 -p udp --dport 1500 -j REDIRECT --to-ports 53\n", "-i eth0; REDIRECT takes what comes to the share of 10.0.0.1"},
		{"-A PREROUTING -i eth0 -p udp --dport 53 -j REDIRECT --to-ports 53\n", "10.0.0.3"}, // who has all ports has this one
		{"-A PREROUTING ! -d 198.18.0.2 -p udp --dport 53 -j REDIRECT --to-ports 53\n", ""},
		{"-A PREROUTING -d 198.18.0.1 -p udp --dport 1500 -j DNAT --to-destination :53\n", "10.0.0.1"},
		{"-A PREROUTING -d 198.18.0.1 -p udp --dport 1500 -j NETMAP --to 10.0.0.2/32\n", "10.0.0.1"},
		{"-A PREROUTING -d 198.18.0.1 -p udp -m u32 --u32 1=2 -j DNAT --to-destination 10.0.0.1\n", "a rule that is not understood"},
		{":f - [0:0]\n-A PREROUTING -d 198.18.0.2 -j f\n-A f -p tcp --dport 1500 -j DNAT --to-destination 10.0.0.3\n", ""},
		{":f - [0:0]\n-A PREROUTING -d 198.18.0.1 -p udp -g f\n-A f -p udp --dport 1500 -j DNAT --to-destination 10.0.0.3\n", "10.0.0.1"},
		{":f - [0:0]\n-A f -p udp --dport 1500 -j DNAT --to-destination 10.0.0.3\n", ""}, // nothing leads to it
		{"-A OUTPUT -d 198.18.0.1 -p udp --dport 1500 -j DNAT --to-destination 10.0.0.3\n", ""},
		{"-A PREROUTING -s 198.18.0.0/30 -d 198.18.0.1 -p udp --dport 1500 -j DNAT --to-destination 10.0.0.3\n", "10.0.0.1"},
		{"-A PREROUTING -s 198.18.0.1,198.18.0.2 -p udp --dport 1500 -j DNAT --to-destination 10.0.0.3\n", ""}, // nobody sends from there
	})
}

func TestForwardsOfNftables(t *testing.T) {
	checkForwards(t, "nftables", func(r string) string {
		rule, sub, _ := strings.Cut(r, "|")
		return fmt.Sprintf(nftForward, rule, sub)
	}, []aForward{
		{"ip daddr 198.18.0.1 udp dport 1500 counter dnat to 10.0.0.2:80", "to 198.18.0.1 udp/1500, where dnat to 10.0.0.2 takes what comes to the share of 10.0.0.1,"},
		{"ip daddr 198.18.0.1 udp dport 1500 dnat ip to 10.0.0.1:80 persistent", ""},
		{"ip daddr 198.18.0.1 tcp dport { 1024-2047, 80 } dnat to 10.0.0.1", ""},
		{"ip daddr 198.18.0.1 tcp dport { 1024-2048, 80 } dnat to 10.0.0.1", "10.0.0.2"},
		{"ip daddr 198.18.0.1 tcp dport 1500 dnat to 10.0.0.1-10.0.0.2", "10.0.0.1"},
		{"ip daddr 198.18.0.1 tcp dport 1500 dnat to 10.0.0.1 - 10.0.0.2", "10.0.0.1"},
		{"ip daddr 198.18.0.1 dnat to 10.0.0.1", "10.0.0.2"},
		{"dnat ip to ip daddr . udp dport map { 198.18.0.1 . 1500 : 10.0.0.1 . 80 }", "10.0.0.1"}, // what the map says is not read
		{"ip daddr 198.18.0.2 dnat prefix to 10.0.0.0/32", "10.0.0.3"},
		{"iifname \"eth0\" tcp dport 1500 redirect to :80", "iifname eth0; redirect takes"},
		{"ip daddr != 198.18.0.2 tcp dport 80 redirect to :3128", ""},
		{"ip daddr 198.18.0.1 udp dport 1500 jump sub|dnat to 10.0.0.1", ""},
		{"ip daddr 198.18.0.1 udp dport 1500 jump sub|dnat to 10.0.0.3", "10.0.0.1"},
		{"ip daddr vmap { 198.18.0.1 : jump sub }|udp dport 1500 dnat to 10.0.0.1", ""},
		{"ip daddr vmap { 198.18.0.1 : jump sub }|udp dport 2050 dnat to 10.0.0.1", "10.0.0.2"},
		{"ip saddr vmap { 192.0.2.1 : goto sub }|udp dport 2050 dnat to 10.0.0.1", "10.0.0.2"},
		{"accept|udp dport 2050 dnat to 10.0.0.1", ""}, // nothing leads to it
		{"dnat ip6 to 2001:db8::1", "dnat takes"},
		{"ip6 daddr 2001:db8::2 dnat ip6 to 2001:db8::1", ""},
		{"tcp dport vmap { 1500 : jump sub }|dnat to 10.0.0.1", "not understood"},
	})
}

func TestForwardsOfJSON(t *testing.T) {
	for _, c := range []struct{ to, from string }{{`"10.0.0.2"`, "10.0.0.1"}, {`"10.0.0.1"`, ""}, {`{"range":["10.0.0.1","10.0.0.2"]}`, "10.0.0.1"}} {
		rule := func(chain, expr string) string {
			return `,{"rule":{"family":"ip","table":"n","chain":"` + chain + `","expr":[` + expr + `]}}`
		}
		match := func(left, right string) string {
			return `{"match":{"op":"==","left":{` + left + `},"right":` + right + `}}`
		}
		chain := func(name, hook, prio string) string {
			return `,{"chain":{"family":"ip","table":"n","name":"` + name + `","type":"nat","hook":"` + hook + `","prio":` + prio + `,"policy":"accept"}}`
		}
		checkForwards(t, "nftables", func(string) string {
			return `{"nftables":[{"metainfo":{"json_schema_version":1}},{"table":{"family":"ip","name":"n"}}` + chain("pre", "prerouting", "-100") + chain("post", "postrouting", "100") +
				rule("pre", match(`"payload":{"protocol":"udp","field":"dport"}`, "1500")+`,{"dnat":{"addr":`+c.to+`,"port":80}}`) +
				rule("post", match(`"payload":{"protocol":"ip","field":"saddr"}`, `"10.0.0.1"`)+","+match(`"meta":{"key":"l4proto"}`, `{"set":["tcp","udp"]}`)+`,{"snat":{"addr":"198.18.0.1","port":{"range":[1024,2047]}}}`) + `]}`
		}, []aForward{{c.to, c.from}})
	}
}

func TestForwardsOfRouterOS(t *testing.T) {
	checkForwards(t, "routeros", func(r string) string { return fmt.Sprintf(rosForward, r) }, []aForward{
		{"add chain=dstnat action=dst-nat dst-address=198.18.0.1 protocol=udp dst-port=1500 to-addresses=10.0.0.2 to-ports=80\n", "to 198.18.0.1 udp/1500, where action=dst-nat 10.0.0.2 takes what comes to the share of 10.0.0.1,"},
		{"add chain=dstnat action=dst-nat dst-address=198.18.0.1 protocol=udp dst-port=1500 to-addresses=10.0.0.1 to-ports=80\n", ""},
		{"add chain=dstnat action=dst-nat disabled=yes dst-address=198.18.0.1 protocol=udp dst-port=1500 to-addresses=10.0.0.2 to-ports=80\n", ""},
		{"add chain=dstnat action=dst-nat dst-address=198.18.0.1 protocol=udp dst-port=1500 to-ports=80\n", "10.0.0.1"},
		{"add chain=dstnat action=redirect in-interface=sfp1 protocol=udp dst-port=1500,2050 to-ports=80\n", "in-interface=sfp1; action=redirect takes"},
		{"add chain=dstnat action=redirect dst-address=!198.18.0.2 protocol=udp dst-port=53\n", ""},
		{"add chain=dstnat action=netmap dst-address=198.18.0.2 to-addresses=10.0.0.2\n", "10.0.0.3"},
		{"add chain=dstnat action=jump jump-target=in dst-address=198.18.0.2\nadd chain=in action=dst-nat protocol=tcp dst-port=1500 to-addresses=10.0.0.3\n", ""},
		{"add chain=dstnat action=jump jump-target=in dst-address=198.18.0.1\nadd chain=in action=dst-nat protocol=tcp dst-port=1500 to-addresses=10.0.0.3\n", "10.0.0.1"},
	})
}

func TestForwardsOfVyOS(t *testing.T) {
	const rule = "set nat destination rule 10 "
	port := func(address, proto, port, to string) string {
		return rule + "destination address " + address + "\n" + rule + "destination port " + port + "\n" + rule + "protocol " + proto + "\n" + rule + "translation address " + to + "\n"
	}
	checkForwards(t, "vyos", func(r string) string { return fmt.Sprintf(vyosForward, r) }, []aForward{
		{port("198.18.0.1", "udp", "1500", "10.0.0.2"), "to 198.18.0.1 udp/1500, where nat destination to 10.0.0.2 takes what comes to the share of 10.0.0.1,"},
		{port("198.18.0.1", "tcp_udp", "1500,1600-1700", "10.0.0.1"), ""},
		{port("198.18.0.1", "tcp_udp", "1500,2000-2100", "10.0.0.1"), "10.0.0.2"},
		{port("198.18.0.1", "tcp", "80", "10.0.0.2"), ""},
		{port("198.18.0.9", "tcp", "1500", "10.0.0.2"), ""},
		{port("!198.18.0.1", "tcp", "1500", "10.0.0.2"), ""},
		{port("198.18.0.1", "tcp", "1500", "10.0.0.0/30"), "10.0.0.1"},
		{port("198.18.0.1", "!tcp", "1500", "10.0.0.2"), "10.0.0.1"},
		{port("198.18.0.1", "udp", "1500", "10.0.0.2") + rule + "translation port 80\n", "where nat destination to 10.0.0.2 takes"},
		{port("198.18.0.1", "udp", "1500", "10.0.0.2") + rule + "disable\n", ""},
		{port("198.18.0.1", "udp", "1500", "10.0.0.2") + rule + "exclude\n", ""},
		{rule + "inbound-interface name eth0\n" + rule + "translation address 10.0.0.1\n", "10.0.0.2"},
		{rule + "destination port 1500\n" + rule + "protocol udp\n" + rule + "translation redirect port 80\n", "nat destination translation redirect port 80 takes"},
		{rule + "destination group address-group g\n" + rule + "load-balance backend 10.0.0.1 weight 100\n", "10.0.0.1"},
		{rule + "description x\n", ""},
		{"nat {\n destination {\n rule 10 {\n destination {\n address 198.18.0.1\n port 1500\n }\n protocol udp\n translation {\n address 10.0.0.2\n port 80\n }\n }\n }\n}\n", "10.0.0.1"},
	})
}
