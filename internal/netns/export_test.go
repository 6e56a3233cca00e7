//go:build linux

package netns

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Current returns the namespace of the process.
func Current() (*NS, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	n := &NS{}
	return n, n.open()
}

// AwaitGone waits until the link is no longer there, which is how the end of the namespace at its other end shows.
func (n *NS) AwaitGone(timeout time.Duration, link string) error {
	return n.awaitLinks(timeout, func() error {
		_, err := n.link(link)
		var notFound netlink.LinkNotFoundError
		switch {
		case errors.As(err, &notFound):
			return nil
		case err != nil:
			return err
		}
		return fmt.Errorf("link %s is still there", link)
	})
}

// Ethtool asks about a link with one of the commands whose answer is a number.
func (n *NS) Ethtool(link string, cmd uint32) (answer uint32, err error) {
	err = n.withSocket(unix.AF_INET, unix.SOCK_DGRAM, 0, func(fd int) (err error) {
		answer, err = ethtool(fd, link, cmd, 0)
		return err
	})
	return answer, err
}

// ShrinkBuffer makes the observer lose packets unless it reads them at once.
func (o *Observer) ShrinkBuffer() error {
	return setsockopts(o.file, sockopt{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 1})
}

// ParsePacket is what an observer does with each packet.
func ParsePacket(raw []byte) Packet { return parsePacket(raw) }
