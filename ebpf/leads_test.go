//go:build linux

package ebpf

import (
	"net"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// Cables whose other ends poll can send frames of XDP programs, the loopback and a bridge cannot.
func TestTransmitters(t *testing.T) {
	top := netnstest.NewTopology(t, netns.Options{Switches: true})
	for _, c := range []struct {
		ns   *netns.NS
		name string
		want bool
	}{{top.CGN, netns.InsideLink, true}, {top.CGN, netns.OutsideLink, true}, {top.CGN, "lo", false}, {top.Core, netns.OutsideLink, false}} {
		err := c.ns.Do(func() error {
			able, err := transmitters()
			if err != nil {
				return err
			}
			ifc, err := net.InterfaceByName(c.name)
			if err == nil && able[ifc.Index] != c.want {
				t.Errorf("%s of %v can send: %v, want %v", c.name, c.ns, able[ifc.Index], c.want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
