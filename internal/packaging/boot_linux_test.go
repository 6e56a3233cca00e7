package packaging

import (
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestBoot starts the unit as a boot does: the kernel has nothing, and the address where Prometheus reads is not there yet. Subscribers
// are translated, and the address is listened at when it comes.
func TestBoot(t *testing.T) {
	needRoot(t)
	top := netnstest.NewTopology(t, netns.Options{Switches: true})
	b := bootBox(t, top.CGN)
	b.run("dpkg -i " + b.put(debFile(t)))
	b.write(planFile, unitPlan)
	b.write(confFile, unitConf+"metrics: 10.9.9.9:9742\n")
	b.run("systemctl enable --now cgnd")
	b.says("nft list table ip cgn", "map shares")
	b.await("systemctl show cgnd -P StatusText", ", healthy; listen: metrics: ")
	b.says("systemctl show cgnd -P StatusText", "10.9.9.9:9742: bind: cannot assign requested address; it is tried again")
	flows, finish := traffic(t, top)
	flows("without the address")
	b.run("ip address add 10.9.9.9/32 dev lo")
	b.await("curl -s http://10.9.9.9:9742/metrics", "\ncgnkit_healthy 1\n")
	b.await("systemctl show cgnd -P StatusText | grep listen || echo all is well", "all is well")

	// A configuration that is refused: it is tried as long as it takes, and the kernel is left alone.
	before := b.run("nft list ruleset")
	b.write(confFile, unitConf+"metrics: 10.9.9.9\n")
	b.run("systemctl restart --no-block cgnd")
	b.await("test $(systemctl show cgnd -P NRestarts) -ge 7 && echo many", "many")
	flows("in a restart loop")
	if after := b.run("nft list ruleset"); after != before {
		t.Errorf("a restart loop changed the ruleset:\n%s\nbecame\n%s", before, after)
	}
	b.write(confFile, unitConf)
	if s := b.healthy(); s.Apply.Way != "unchanged" {
		t.Errorf("%+v", s.Apply)
	}
	finish()
}

// TestGroup has the socket belong to a group that the unit does not name, and then does.
func TestGroup(t *testing.T) {
	needRoot(t)
	b := bootBox(t, netnstest.New(t))
	b.run("dpkg -i " + b.put(debFile(t)))
	b.write(planFile, unitPlan)
	b.write(confFile, strings.Replace(unitConf, "cgnd}", "noc}", 1))
	refused := "cgnd: listen.group: group: unknown group noc\n"
	if out, err := b.try("cgnd --check -c " + confFile); err == nil || out != refused {
		t.Errorf("%v, %q", err, out)
	}
	b.run("addgroup --quiet --system noc")
	b.says("cgnd --check -c "+confFile, "note: listen.group noc: under the unit of the package that takes SupplementaryGroups=noc: systemctl edit cgnd\n")
	b.run("systemctl start cgnd")
	b.says("nft list table ip cgn", "map shares")
	b.await("systemctl show cgnd -P StatusText", "listen: listen.unix: chown /run/cgnd/cgnd.sock: operation not permitted: ")
	b.says("systemctl show cgnd -P StatusText", "SupplementaryGroups=")
	b.run("mkdir /etc/systemd/system/cgnd.service.d")
	b.write("/etc/systemd/system/cgnd.service.d/override.conf", "[Service]\nSupplementaryGroups=noc\n")
	b.run("systemctl daemon-reload && systemctl restart cgnd")
	b.says("ls -ld /run/cgnd/cgnd.sock", "srw-rw---- 1 root noc")
	b.healthy()
}

// TestReturns removes the package and installs it again: it runs again unless somebody has disabled it, and an upgrade of what was
// stopped starts nothing. Purging leaves no link to the unit, whoever made it.
func TestReturns(t *testing.T) {
	needRoot(t)
	b := bootBox(t, netnstest.New(t))
	deb := b.put(debFile(t))
	is := func(when, want string) {
		t.Helper()
		if got := b.of("ActiveState") + " " + b.of("UnitFileState"); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	b.says("dpkg -i "+deb, "cgnd: not started, because there is nothing to follow yet")
	b.run("dpkg -r cgnkit")
	b.says("dpkg -i "+deb, "cgnd: not started, because there is nothing to follow yet")
	b.write(planFile, unitPlan)
	b.write(confFile, unitConf)
	b.run("systemctl enable --now cgnd")
	b.run("dpkg -r cgnkit")
	b.run("dpkg -i " + deb)
	is("removed and installed", "active enabled")
	b.run("systemctl stop cgnd")
	b.run("dpkg -i " + deb)
	is("stopped and upgraded", "inactive enabled")
	b.run("systemctl disable cgnd")
	b.run("dpkg -r cgnkit")
	b.says("dpkg -i "+deb, "cgnd: not started, because it is disabled")
	is("disabled, removed and installed", "inactive disabled")
	b.run("systemctl enable --now cgnd")
	b.run("dpkg -P cgnkit")
	if out := b.run("find /etc/systemd /var/lib/systemd /run -name '*cgnd*' ! -path '/run/upper/*' ! -path '/run/systemd/units/*'"); out != "" {
		t.Errorf("purging leaves\n%s", out)
	}
}
