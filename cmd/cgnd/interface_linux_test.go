package main

import (
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestInterfaceComesLater starts with the XDP backend while the outside interface has another name, as one that is made late in a
// boot. What failed for want of it does not wait for its turn when it is there.
func TestInterfaceComesLater(t *testing.T) {
	netnstest.Root(t)
	t.Parallel()
	s := newSiteOf(t, "xdp", "")
	s.write("plan.yaml", plan(1000))
	netnstest.Run(t, s.CGN, "ip", "link", "set", netns.OutsideLink, "name", "later")
	s.start()
	n := s.await("failures", func(n daemon.Snapshot) bool { return n.Apply.Failed >= 4 && n.Apply.Retry > 0 })
	if p := problemOf(n, "apply"); !strings.Contains(p, netns.OutsideLink) {
		t.Errorf("%+v", n.Problems)
	}
	netnstest.Run(t, s.CGN, "ip", "link", "set", "later", "name", netns.OutsideLink)
	next := n.Taken.Add(n.Apply.Retry)
	n = s.await("the interface", healthy)
	if begun := n.Apply.At.Add(-n.Apply.Took); !begun.Before(next) {
		t.Errorf("it was tried at %v, as it would have been without the interface: %v", begun, next)
	}
	transfer := s.startTransfer()
	s.flows(transfer, "with the interface")
	if err := transfer.Finish(); err != nil {
		t.Error(err)
	}
}
