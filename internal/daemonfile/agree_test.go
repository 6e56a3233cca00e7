package daemonfile

import "testing"

// TestAgree has the parser and the schema think the same of a configuration.
func TestAgree(t *testing.T) {
	const tls = ", certificate: /c, key: /k}"
	schema := compiled(t)
	for text, want := range map[string]bool{
		"listen: {group: 1000}": true, "listen: {user: 0}": true, "listen: {group: noc}": true, "listen: {group: '1000'}": true,
		"listen: {group: 0x10}": true, "listen: {group: -1}": false, "listen: {group: 4294967295}": false, "listen: {group: true}": false,
		"listen: {group: null}": false, "listen: {group: 1.5}": false, "listen: {group: ''}": false, "listen: {user: [a]}": false,
		"instance: null": false, "instance: ~": false, "instance: !!int cgn": false, "instance: 'null'": true, "instance: true": false,
		"instance: CGN": false, "instance: ''": false, "instance: 12": false,
		"audit: null": false, "audit: 12": false, "audit: /a": true, "audit: ''": false,
		"drift: null": false, "drift: true": false,
		"alarms: {limit: 1_000}": true, "alarms: {limit: 0x10}": true, "alarms: {limit: '10'}": false, "alarms: {limit: 1e3}": true, "alarms: {limit: 0}": false,
		"metrics-top: 5.0": true, "metrics-top: 5.5": false, "metrics-top: 101": false, "metrics-top: -0": true, "metrics-top: null": false,
		"metrics-top: .inf": false, "alarms: {pool: {raise: 'off'}}": true, "alarms: {pool: {raise: 'on'}}": false, "alarms: {pool: {raise: '90'}}": false,
		"verify-interval: 5": false, "verify-interval: 5m": true, "verify-interval: null": false, "usage-interval: 1.5s": true, "usage-interval: 5 m": false,
		"metrics: 127.0.0.1:99999": false, "metrics: 127.0.0.1:65536": false, "metrics: 127.0.0.1:65535": true, "metrics: 127.0.0.1:0": false,
		"metrics: 127.0.0.1:09742": false, "metrics: 127.0.0.01:9742": false, "metrics: 256.0.0.1:9742": false, "metrics: 0.0.0.0:1": true, "metrics: 1.2.3:1": false,
		"metrics: '[::1]:9742'": true, "metrics: '[::]:1'": true, "metrics: '[1::2::3]:1'": false, "metrics: '[1:2:3:4:5:6:7:8]:1'": true, "metrics: '[1:2:3:4:5:6:7::]:1'": true,
		"metrics: '[1:2:3:4:5:6:7:8:9]:1'": false, "metrics: '[::ffff:192.0.2.1]:1'": true, "metrics: '[1::192.0.2.1]:1'": true, "metrics: '[1:2:3:4:5:6:192.0.2.1]:1'": true,
		"metrics: '[1:2:3:4:5:6:7:192.0.2.1]:1'": false, "metrics: '[fe80::1%eth0]:1'": false, "metrics: '[12345::]:1'": false, "metrics: '[127.0.0.1]:1'": false, "metrics: '::1:1'": false,
		"metrics: '[1::2:3:4:5:6:7:8]:1'": false, "metrics: '[1::2:3:4:5:6:7]:1'": true, "metrics: '[:1::]:1'": false, "metrics: '[1:::2]:1'": false,
		"listen: {mode: 0660}": true, "listen: {mode: 0o640}": true, "listen: {mode: '0600'}": true, "listen: {mode: '660'}": true, "listen: {mode: 660}": true,
		"listen: {mode: 0440}": false, "listen: {mode: '0440'}": false, "listen: {mode: 01660}": false, "listen: {mode: true}": false, "listen: {mode: 0999}": false,
		"policy: /p": false, "backend: nftables\npolicy: /p": false, "backend: xdp\npolicy: /p": true, "events: keep": false, "port-key: /k": false,
		"interfaces: {inside: eth0}": false, "backend: xdp\nevents: leave": true, "backend: xdp\ninterfaces: {inside: [eth0, 12]}": false, "backend: xdp\ninterfaces: {inside: eth0}": true,
		"backend: xdp\ninterfaces: {inside: [null]}": false, "key-files: [/a, true]": false, "key-files: /a": true,
		"listen: {tokens: /t}": false, "listen: {tcp: '127.0.0.1:9743'}": false, "listen: {tcp: '127.0.0.1:9743', tokens: /t}": true, "listen: {plain: anywhere}": false,
		"listen: {tcp: '[::]:9743', tokens: /t" + tls: true, "listen: {tcp: '[::]:9743', tokens: /t, key: /k}": false, "listen: {tcp: '127.0.0.1:9743', tokens: /t, certificate: /c}": false,
	} {
		text = "plan: /p\n" + text + "\n"
		_, err := Parse("f", []byte(text))
		if (err == nil) != want {
			t.Errorf("%q: cgnd says %v", text, err)
		}
		if err := validate(t, schema, []byte(text)); (err == nil) != want {
			t.Errorf("%q: the schema says %v", text, err)
		}
	}
}
