package gate_test

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/cgnkit/cgnkit/internal/gate"
)

func ExampleNew() {
	l, err := gate.ListenTCP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		fmt.Println(err)
		return
	}
	g := gate.New(l, gate.Limits{Guests: 256, GuestsOfOne: 64, Known: 256, KnownOfOne: 64, Waiting: 1024, Grace: time.Second, Stay: 5 * time.Second}, gate.Host, nil)
	defer func() { _ = g.Close() }()
	c, err := net.Dial("tcp", g.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	in, err := g.Accept()
	if err != nil {
		fmt.Println(err)
		return
	}
	leave, ok := gate.Enter(in, "alice") // who has shown a password, say
	fmt.Println(ok)
	leave()
	// Output: true
}
