package dialect

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// TestGolden compares small renderings with testdata. CGNKIT_UPDATE_GOLDEN=1 writes them anew.
func TestGolden(t *testing.T) {
	stripe := plan(pool("stripes", "100.64.0.0/28", "198.18.4.0/30", alloc.PoolSpec{Scheme: alloc.Stripe, Ports: portRange("1536-65535"), PortsPerSubscriber: 2000}))
	mixed := planWithout("192.0.2.0/24,203.0.113.53 udp/53,0.0.0.0/0 tcp/25",
		pool("business", "100.127.255.0/31", "198.51.100.2 198.51.100.9", alloc.PoolSpec{SharingRatio: 1}),
		pool("flats", "100.64.0.0-100.64.0.2", "203.0.113.7", alloc.PoolSpec{SharingRatio: 16}))
	holes := plan(pool("holes", "100.64.0.0/31", "203.0.113.7", alloc.PoolSpec{SharingRatio: 32, Reserve: portSet("1900,2000")}))
	s := samples()
	for _, c := range []struct {
		file  string
		write writer
		plan  *alloc.Plan
	}{
		{"tiny.iptables", IPTables, s["tiny"]},
		{"mixed.iptables", IPTables, mixed},
		{"holes.iptables", IPTables, holes},
		{"tiny.rsc", RouterOS, s["tiny"]},
		{"mixed.rsc", RouterOS, mixed},
		{"stripe.rsc", RouterOS, stripe},
		{"seq.vyos", VyOS, s["seq"]},
		{"business.vyos", VyOS, s["business"]},
		{"det44.vpp", VPP, s["det44"]},
	} {
		got := mustRender(t, c.write, c.plan)
		path := filepath.Join("testdata", c.file)
		if os.Getenv("CGNKIT_UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs from\n%s", path, got)
		}
	}
}
