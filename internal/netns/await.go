//go:build linux

package netns

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// AwaitUp waits until the links are on and their other ends too, so that a packet sent now arrives.
func (n *NS) AwaitUp(timeout time.Duration, links ...string) error {
	return n.awaitLinks(timeout, func() error {
		for _, name := range links {
			link, err := n.link(name)
			if err != nil {
				return err
			}
			if a := link.Attrs(); a.RawFlags&unix.IFF_RUNNING == 0 {
				return fmt.Errorf("link %s is %v", name, a.OperState)
			}
		}
		return nil
	})
}

// awaitLinks tries again after each change of a link, until check is content or time is up.
func (n *NS) awaitLinks(timeout time.Duration, check func() error) error {
	deadline := time.Now().Add(timeout)
	var changes *nl.NetlinkSocket
	// Listen first, look second: a change in between is not missed.
	err := n.Do(func() (err error) {
		changes, err = nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK)
		return err
	})
	if err != nil {
		return fmt.Errorf("subscribe to link changes: %w", err)
	}
	defer changes.Close()
	for {
		cause := check()
		if cause == nil {
			return nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			return fmt.Errorf("wait %v for links: %w: %w", timeout, os.ErrDeadlineExceeded, cause)
		}
		// A zero timeval would mean for ever.
		tv := unix.NsecToTimeval(max(left, time.Millisecond).Nanoseconds())
		if err := changes.SetReceiveTimeout(&tv); err != nil {
			return fmt.Errorf("wait for links: %w", err)
		}
		// A lost message and the end of the time both lead to another look.
		_, _, err := changes.Receive()
		if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("wait for links: %w", err)
		}
	}
}
