//go:build linux

package conformance

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
	"github.com/cgnkit/cgnkit/nat44"
)

// evictedWhenTableIsFull shows both sides: a share that is used up keeps its flows, and when conntrack's whole table is full the
// kernel deletes flows that are not yet assured to make room for new ones (early drop).
func evictedWhenTableIsFull(t *testing.T, b *bench) {
	nobodyEvicted(t, b)
	if evicted := b.earlyDrops(t); evicted != 0 {
		t.Fatalf("%d flows were evicted before the table was full", evicted)
	}
	text, err := b.CGN.Sysctl("net.netfilter.nf_conntrack_max")
	if err != nil {
		t.Fatal(err)
	}
	limit, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := remember(b.CGN, limit); err != nil {
		t.Fatal(err)
	}
	if b.applyWith(t, b.plan, nat44.ApplyOptions{FlowsPerSubscriber: limit}); !strings.Contains(strings.Join(b.report.Warnings, "\n"), "nf_conntrack_max=") {
		t.Errorf("apply does not warn that conntrack has room for half of the flows, only: %q", b.report.Warnings)
	}
	const n = 20
	for i := range uint16(n) {
		send(t, b.Subscribers[1], datagram(b.from(1, 40000), netip.AddrPortFrom(b.Servers[0].Addr, 10000+i), "new"))
	}
	if evicted := b.earlyDrops(t); evicted == 0 {
		t.Error("no flow was evicted for a new one: the table says that the kernel does that when its table is full")
	}
}

// earlyDrops returns how many flows the kernel has deleted to make room.
func (b *bench) earlyDrops(t *testing.T) int {
	t.Helper()
	total := 0
	for word := range strings.FieldsSeq(netnstest.Run(t, b.CGN, "conntrack", "-S")) {
		if value, ok := strings.CutPrefix(word, "early_drop="); ok {
			n, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			total += n
		}
	}
	return total
}

// remember makes conntrack remember n UDP flows without an answer, or as many as it takes. Packets would need minutes for it.
func remember(ns *netns.NS, n int) error {
	tuple := func(kind int, src, dst [4]byte) *nl.RtAttr {
		a := nl.NewRtAttr(kind|unix.NLA_F_NESTED, nil)
		ip := a.AddRtAttr(nl.CTA_TUPLE_IP|unix.NLA_F_NESTED, nil)
		ip.AddRtAttr(nl.CTA_IP_V4_SRC, src[:])
		ip.AddRtAttr(nl.CTA_IP_V4_DST, dst[:])
		proto := a.AddRtAttr(nl.CTA_TUPLE_PROTO|unix.NLA_F_NESTED, nil)
		proto.AddRtAttr(nl.CTA_PROTO_NUM, []byte{unix.IPPROTO_UDP})
		proto.AddRtAttr(nl.CTA_PROTO_SRC_PORT, nl.BEUint16Attr(9))
		proto.AddRtAttr(nl.CTA_PROTO_DST_PORT, nl.BEUint16Attr(9))
		return a
	}
	marked, other := [4]byte{10, 0xfe, 0xfd, 0xfc}, [4]byte{203, 0, 113, 9}
	r := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_CTNETLINK<<8|nl.IPCTNL_MSG_CT_NEW, unix.NLM_F_CREATE)
	r.AddData(&nl.Nfgenmsg{NfgenFamily: unix.AF_INET})
	r.AddData(tuple(nl.CTA_TUPLE_ORIG, marked, other))
	r.AddData(tuple(nl.CTA_TUPLE_REPLY, other, marked))
	r.AddData(nl.NewRtAttr(nl.CTA_TIMEOUT, nl.BEUint32Attr(300)))
	message := r.Serialize()
	first := bytes.Index(message, marked[:])
	second := first + 4 + bytes.Index(message[first+4:], marked[:])
	return ns.Do(func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		var batch []byte
		for i := range n {
			for _, at := range []int{first, second} {
				binary.BigEndian.PutUint32(message[at:], 10<<24|uint32(i))
			}
			batch = append(batch, message...)
			if len(batch) < 60_000 && i < n-1 {
				continue
			}
			if err := unix.Sendto(fd, batch, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
				return err
			}
			batch = batch[:0]
		}
		return nil
	})
}
