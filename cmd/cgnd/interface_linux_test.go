package main

import (
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestInterfaceComesLater starts with the XDP backend while the outside interface has another name, as one that is made late in a
// boot, and takes it away later. What failed for want of it does not wait for its turn when it is there.
func TestInterfaceComesLater(t *testing.T) {
	netnstest.Root(t)
	t.Parallel()
	s := newSiteOf(t, "xdp", "")
	s.write("plan.yaml", plan(1000))
	netnstest.Run(t, s.CGN, "ip", "link", "set", netns.OutsideLink, "name", "later")
	s.start()
	s.returns(func() { netnstest.Run(t, s.CGN, "ip", "link", "set", "later", "name", netns.OutsideLink) })
	transfer := s.startTransfer()
	s.flows(transfer, "with the interface")
	if err := transfer.Finish(); err != nil {
		t.Error(err)
	}
	netnstest.Run(t, s.CGN, "ip", "link", "delete", netns.OutsideLink)
	s.returns(func() {
		netnstest.Run(t, s.CGN, "ip", "link", "add", netns.OutsideLink, "type", "veth", "peer", "name", "far")
		netnstest.Run(t, s.CGN, "ip", "link", "set", "far", "up")
		netnstest.Run(t, s.CGN, "ip", "link", "set", netns.OutsideLink, "up")
	})
}

// returns waits until applies have failed so often that the next attempt is some seconds away, has the interface come, and fails where
// it was waited for.
func (s *site) returns(come func()) {
	s.Helper()
	n := s.await("failures", func(n daemon.Snapshot) bool { return n.Apply.Retry > 5*time.Second })
	if p := problemOf(n, "apply"); !strings.Contains(p, netns.OutsideLink) {
		s.Errorf("%+v", n.Problems)
	}
	come()
	next := n.Taken.Add(n.Apply.Retry)
	n = s.await("the interface", healthy)
	if begun := n.Apply.At.Add(-n.Apply.Took); !begun.Before(next) {
		s.Errorf("it was tried at %v, as it would have been without the interface: %v", begun, next)
	}
}
