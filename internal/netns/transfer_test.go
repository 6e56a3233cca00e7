//go:build linux

package netns_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

func listenSink(tb testing.TB, server netns.Host) *netns.Sink {
	tb.Helper()
	sink, err := server.ListenSink(netip.AddrPortFrom(server.Addr, 9))
	if err != nil {
		tb.Fatal(err)
	}
	return sink
}

func TestTransfer(t *testing.T) {
	t.Parallel()
	topology := netnstest.NewTopology(t, netns.Options{InsideRoutes: true})
	client := topology.Subscribers[0]
	sink := listenSink(t, topology.Servers[0])
	streams := map[string]netns.Stream{
		"as fast as possible": {Remote: sink.Addr(), Bytes: 3 << 20},
		"bounded":             {Remote: sink.Addr(), Bytes: 100_001, Rate: 1 << 20, Local: addrPort("100.64.0.1:4000")},
		"empty":               {Remote: sink.Addr()},
	}
	t.Run("together", func(t *testing.T) {
		for name, stream := range streams {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				transfer, err := client.StartTransfer(within(t), stream)
				if err != nil {
					t.Fatal(err)
				}
				if err := transfer.AwaitSent(within(t), stream.Bytes); err != nil {
					t.Error(err)
				}
				if err := transfer.Wait(); err != nil {
					t.Error(err)
				}
				if got := transfer.Sent(); got != stream.Bytes {
					t.Errorf("sent %d bytes, want %d", got, stream.Bytes)
				}
				if err := transfer.AwaitSent(within(t), stream.Bytes+1); err == nil {
					t.Error("AwaitSent found more than there is")
				}
			})
		}
	})
	if got := sink.Received(); got != 3<<20+100_001 {
		t.Errorf("sink received %d bytes, want %d", got, 3<<20+100_001)
	}
}

func TestTransferEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, rate := range map[string]int64{"bounded": 1 << 20, "blocked in write": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topology := netnstest.NewTopology(t, netns.Options{InsideRoutes: true})
			sink := listenSink(t, topology.Servers[0])
			ctx, cancel := context.WithCancelCause(within(t))
			transfer, err := topology.Subscribers[0].StartTransfer(ctx, netns.Stream{Remote: sink.Addr(), Bytes: 1 << 40, Rate: rate})
			if err != nil {
				t.Fatal(err)
			}
			if err := transfer.AwaitSent(within(t), 50_000); err != nil {
				t.Error(err)
			}
			if rate == 0 {
				// Nothing goes through any more, so the socket is full soon.
				netnstest.Run(t, topology.CGN, "nft", "add table ip t; "+
					"add chain ip t f { type filter hook forward priority 0; policy drop; }")
			}
			enough := errors.New("enough")
			cancel(enough)
			if err := transfer.Wait(); !errors.Is(err, enough) {
				t.Errorf("Wait returns %v, want %v", err, enough)
			}
		})
	}
}

// A receipt that does not match must not pass: an echo is no sink.
func TestTransferChecksTheReceipt(t *testing.T) {
	t.Parallel()
	topology := netnstest.NewTopology(t, netns.Options{InsideRoutes: true})
	server := topology.Servers[0]
	echo := listenEcho(t, server, "tcp")
	transfer, err := topology.Subscribers[0].StartTransfer(within(t), netns.Stream{Remote: echo.Addr(), Bytes: 4096})
	if err != nil {
		t.Fatal(err)
	}
	if err := transfer.Wait(); err == nil || !strings.Contains(err.Error(), "receipt") {
		t.Errorf("Wait returns %v, want a complaint about the receipt", err)
	}
	// A sink that goes away is noticed too.
	sink := listenSink(t, server)
	transfer, err = topology.Subscribers[0].StartTransfer(within(t), netns.Stream{Remote: sink.Addr(), Bytes: 1 << 40, Rate: 1 << 24})
	if err != nil {
		t.Fatal(err)
	}
	if err := transfer.AwaitSent(within(t), 1); err != nil {
		t.Error(err)
	}
	if err := sink.Close(); err != nil {
		t.Error(err)
	}
	if err := transfer.Wait(); err == nil {
		t.Error("the transfer survived its sink")
	}
}

// TestTransferFinish ends a transfer early. What was sent must have arrived whole.
func TestTransferFinish(t *testing.T) {
	top := netnstest.NewTopology(t, netns.Options{InsideRoutes: true})
	sink := listenSink(t, top.Servers[0])
	tr, err := top.Subscribers[0].StartTransfer(t.Context(), netns.Stream{Remote: sink.Addr(), Bytes: 1 << 40, Rate: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.AwaitSent(t.Context(), 1<<15); err != nil {
		t.Fatal(err)
	}
	if err := tr.Finish(); err != nil {
		t.Fatal(err)
	}
	if got := sink.Received(); got != tr.Sent() || got < 1<<15 {
		t.Fatalf("%d bytes received of %d", got, tr.Sent())
	}
}

// A transfer takes an ICMP error for what most programs do: a reason to try again.
func TestTransferIgnoresICMP(t *testing.T) {
	t.Parallel()
	topology := netnstest.NewTopology(t, netns.Options{InsideRoutes: true})
	client, server := topology.Subscribers[0], topology.Servers[0]
	sink, err := server.ListenSink(netip.AddrPortFrom(server.Addr, 0))
	if err != nil {
		t.Fatal(err)
	}
	transfer, err := client.StartTransfer(within(t), netns.Stream{Remote: sink.Addr(), Bytes: 1 << 40, Rate: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	again := observe(t, client.NS, netns.Watch{Match: func(p netns.Packet) bool {
		if p.ICMPType != 3 {
			return false
		}
		number := string(p.Raw[20+8+20+4:][:4]) // of the segment that it is about
		repeated := seen[number]
		seen[number] = true
		return repeated
	}})
	if err := topology.CGN.SetSysctl("net.ipv4.icmp_ratelimit", "0"); err != nil {
		t.Fatal(err)
	}
	netnstest.Run(t, topology.CGN, "ip", "route", "add", "unreachable", server.Addr.String())
	// About a segment that is sent again: the first time the kernel is at work on the socket, and takes the error more lightly.
	if _, err := again.AwaitCount(within(t), 1); err != nil {
		t.Fatal(err)
	}
	netnstest.Run(t, topology.CGN, "ip", "route", "delete", "unreachable", server.Addr.String())
	if err := transfer.AwaitSent(within(t), transfer.Sent()+1<<20); err != nil {
		t.Fatal(err)
	}
	if err := transfer.Finish(); err != nil {
		t.Error(err)
	}
}
