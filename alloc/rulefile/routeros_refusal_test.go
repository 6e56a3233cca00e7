package rulefile_test

import (
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

const (
	rosNat = "/ip firewall nat\n"
	rosTwo = "add action=src-nat chain=srcnat protocol=tcp src-address=10.0.0.1 to-addresses=198.18.0.1 to-ports=1-9\nadd action=src-nat chain=srcnat protocol=udp src-address=10.0.0.1 to-addresses=198.18.0.1 to-ports=1-9\n" +
		"add action=src-nat chain=srcnat protocol=tcp src-address=10.0.0.2 to-addresses=198.18.0.1 to-ports=10-19\nadd action=src-nat chain=srcnat protocol=udp src-address=10.0.0.2 to-addresses=198.18.0.1 to-ports=10-19\n"
	rosLists = "/ip firewall address-list\nadd address=10.0.0.2 list=vip\nadd address=10.0.0.1 list=vip\n"
	rosVIP   = rosNat + "add action=accept chain=srcnat src-address-list=vip\n" + rosTwo
)

// TestRouterOSRefusals reads rules that decide about subscribers in ways that are not followed.
func TestRouterOSRefusals(t *testing.T) {
	checkRefusals(t, "routeros", []refusal{
		{"place-before", rosNat + rosTwo + "add action=accept chain=srcnat src-address=10.0.0.2 place-before=0\n", rulefile.ErrSyntax, "rules:6: place-before"},
		{"place-before of nobody else", rosNat + "add action=src-nat chain=srcnat to-addresses=198.18.0.9\nadd action=accept chain=srcnat src-address=10.0.0.2 place-before=0\n", rulefile.ErrSyntax, "rules:3: place-before"},
		{"list entries are removed", rosLists + "remove [find where address=10.0.0.1]\n" + rosVIP, rulefile.ErrSyntax, "rules:4: remove changes address lists"},
		{"list entries are disabled", rosLists + "set [find address=10.0.0.2] disabled=yes\n" + rosVIP, rulefile.ErrSyntax, "rules:4: set changes address lists"},
		{"names in lists", rosLists + "add address=example.com list=vip\n" + rosVIP, rulefile.ErrSyntax, "rules:4: the address list vip has"},
		{"two commands in a line", rosNat + "add action=log chain=srcnat comment=a; add action=accept chain=srcnat src-address=10.0.0.2\n" + rosTwo, rulefile.ErrSyntax, "rules:2: several commands"},
		{"rule in another menu", "/ip address\n" + rosTwo, rulefile.ErrSyntax, "rules:2: this looks like a rule of NAT"},
		{"rule behind a command with its menu", "/ip firewall nat add action=accept chain=srcnat src-address=10.0.0.2\n" + rosTwo, rulefile.ErrSyntax, "rules:2: this looks like a rule of NAT"},
		{"condition of a script", ":if ($a) do={\n" + rosNat + rosTwo + "}\n", rulefile.ErrShared, "rules:1: this is a script"},
		{"computed chain", rosNat + "add chain=$c action=accept\n" + rosTwo, rulefile.ErrSyntax, "rules:2: the rule has no chain"},
		{"hardware addresses", rosNat + "add action=accept chain=srcnat src-mac-address=00:00:5E:00:53:01\n" + rosTwo, rulefile.ErrSyntax, `rules:2: the rule depends on "src-mac-address=`},
		{"classes of sources", rosNat + "add action=jump jump-target=a chain=srcnat per-connection-classifier=src-address:2/0\n" + rosTwo, rulefile.ErrSyntax, `rules:2: the rule depends on`},
	})
}

// TestRouterOSChangingLists reads address lists that the router itself changes: who is in them does not follow from the file.
func TestRouterOSChangingLists(t *testing.T) {
	const changes = "the router puts addresses into the address list vip by itself"
	checkRefusals(t, "routeros", []refusal{
		{"by a rule", rosLists + rosNat + "add action=add-src-to-address-list address-list=vip chain=srcnat dst-port=5000 protocol=udp\n" + rosVIP, rulefile.ErrSyntax, "rules:5: " + changes},
		{"by a filter", rosLists + "/ip firewall filter\nadd action=add-src-to-address-list address-list=vip address-list-timeout=1h chain=forward\n" + rosVIP, rulefile.ErrSyntax, "rules:5: " + changes},
		{"by a profile", rosLists + "/ppp profile\nadd address-list=a,vip name=p\n" + rosVIP, rulefile.ErrSyntax, "rules:5: " + changes},
		{"timeout", rosLists + "add address=10.0.0.9 list=vip timeout=1h\n" + rosVIP, rulefile.ErrSyntax, "rules:4: an entry of the address list has a timeout"},
		{"dynamic", rosLists + "add address=10.0.0.9 dynamic=yes list=vip\n" + rosVIP, rulefile.ErrSyntax, "rules:4: the router itself"},
		{"unknown state", rosLists + "add address=10.0.0.9 disabled=1 list=vip\n" + rosVIP, rulefile.ErrSyntax, "rules:4: disabled=1 is not understood"},
		{"unknown property", rosLists + "add address=10.0.0.9 list=vip unless=raining\n" + rosVIP, rulefile.ErrSyntax, "rules:4: unless of an entry"},
	})
	const aim = rosNat + "add action=accept chain=srcnat dst-address-list=far\n" + rosTwo
	for text, equal := range map[string]bool{"add address=192.0.2.1 list=far\n": true, "add address=192.0.2.1 comment=\"a b\" disabled=no dynamic=no list=far\n": true, "add address=192.0.2.1 list=far timeout=1h\n": false} {
		table := parse(t, "routeros", "/ip firewall address-list\n"+text+aim)
		fixed := parse(t, "iptables", "*nat\n-A POSTROUTING -d 192.0.2.1 -j ACCEPT\n"+iptablesTwo)
		a, b, _ := rulefile.CompareConditions(table.Conditions(), fixed.Conditions(), rulefile.Protocols{TCP: true, UDP: true})
		if (len(a)+len(b) == 0) != equal {
			t.Errorf("%s: %v and %v differ", text, a, b)
		}
	}
}

// TestRouterOSStates reads rules that are there, and count or not.
func TestRouterOSStates(t *testing.T) {
	const accepts, all = "10.0.0.1 198.18.0.1 1-9", twoRows
	for state, want := range map[string]string{
		"disabled=yes": all, "disabled=true": all, "disable=yes": all, "disabled": all, "invalid=yes": all, "invalid": all,
		"disabled=no": accepts, "disabled=false": accepts, "disable=no invalid=no dynamic=yes": accepts,
		"disabled=1": "refused", "disabled=y": "refused", "disabled=maybe": "refused", "invalid=1": "refused", "disabled=": "refused",
	} {
		got := "refused"
		if table, err := tryParse(t, "routeros", rosNat+"add action=accept chain=srcnat src-address=10.0.0.2 "+state+"\n"+rosTwo); err == nil {
			if got = rowsOf(table); want == all && !hasFinding(table, "rules are ", 2, 1) {
				t.Errorf("%s: it is not noted: %+v", state, table.Findings())
			}
		} else if !contains(err.Error(), "is not understood: want yes or no") {
			t.Errorf("%s: %v", state, err)
		}
		if got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", state, got, want)
		}
	}
}

// TestRouterOSReads reads what looks like the above, and can be read.
func TestRouterOSReads(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"relative menu", "/ip firewall\nnat add action=accept chain=srcnat src-address=10.0.0.2\n" + rosNat + rosTwo, "10.0.0.1 198.18.0.1 1-9"},
		{"commands with their menu", rosNat + "/ip address add address=192.0.2.1/24 interface=a\n" + rosTwo, twoRows},
		{"other chains", rosNat + "add action=same chain=dstnat\nadd action=accept chain=dstnat place-before=0\nadd action=accept chain=dstnat src-address-list=missing\nadd action=accept chain=dstnat src-mac-address=00:00:5E:00:53:01\n" + rosTwo, twoRows},
		{"lists that no rule names", rosLists + "remove [find where address=10.0.0.1]\nadd address=example.com list=names\n" + rosNat + rosTwo, twoRows},
		{"disabled rules", rosNat + "add action=same chain=srcnat disabled=yes place-before=0\n" + rosTwo, twoRows},
		{"texts", rosNat + "add action=log chain=srcnat comment=\"a; b\" log-prefix=\"x;\" !src-address\n:put \"hello\"\n" + rosTwo, twoRows},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := rowsOf(parse(t, "routeros", c.text)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// TestRouterOSScripts reads rules behind what ends a script, and within a text of several lines. A comment ends with its line.
func TestRouterOSScripts(t *testing.T) {
	const rules = "/ip firewall nat\nadd action=src-nat chain=srcnat src-address=10.0.0.1 to-addresses=198.18.0.1\n"
	checkRefusals(t, "routeros", []refusal{
		{"error", ":error \"not here\"\n" + rules, rulefile.ErrShared, "rules:1: "},
		{"return", ":return 1\n" + rules, rulefile.ErrShared, "rules:1: "},
		{"text", "/system script\nadd name=x source=\"\n" + rules + "\"\n", rulefile.ErrSyntax, "rules:3: a quote does not end in line 2"},
		{"apostrophes are no quotes", "/interface\nadd comment=O'Brien\nadd comment=\"6\\\" rack\" name=l'a\n" + rules + "set 0 disabled=yes\n", rulefile.ErrSyntax, "rules:6: set changes rules"},
		{"comment", rules + "# x \\\nset 0 disabled=yes\n", rulefile.ErrSyntax, "rules:4: set changes rules"},
	})
}

// TestRouterOSRuns reads files in which a line runs another one, or takes the configuration away: which rules hold behind it does not follow from the file.
func TestRouterOSRuns(t *testing.T) {
	for _, line := range []string{
		"/import more.rsc", "/import file-name=more.rsc", "import more.rsc", "/imp more.rsc", ":import more.rsc", "/system script run nat2", "/system/script/run nat2", "/system script\nrun nat2", "/sys scr run nat2", "/quit",
		"/system reset-configuration", "/system reset-configuration no-defaults=yes", "/system backup load name=x", "/undo", "/system identity set name=x; /import more.rsc", "/system identity set name=x; /ip firewall nat remove [find]",
	} {
		for _, text := range []string{rosNat + rosTwo + line + "\n", "/interface\n" + line + "\n" + rosNat + rosTwo} {
			if table, err := tryParse(t, "routeros", text); err == nil {
				t.Errorf("%q was read as\n%s", text, rowsOf(table))
			}
		}
	}
	for _, line := range []string{"/certificate import file-name=x", "/system script add name=import source=x", "/user ssh-keys import user=a public-key-file=b", "/system identity set name=run", "/system identity set name=x; /system clock set time-zone-name=y", "/interface import", ":put \"hello\""} {
		if got := rowsOf(parse(t, "routeros", rosNat+rosTwo+line+"\n")); got != twoRows {
			t.Errorf("%s: got\n%s", line, got)
		}
	}
}
