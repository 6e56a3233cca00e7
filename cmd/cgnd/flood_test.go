package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// asFlood tells the test binary, started once more, to connect to an address again and again, until its standard input ends.
const asFlood = "CGND_TEST_IS_FLOOD"

// flood holds hundreds of connections that say nothing, from all addresses of 127.0.0.0/8 in turn, and makes a hundred a second.
func flood(to string) {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	var open []net.Conn
	for n := 0; ; n++ {
		d := net.Dialer{Timeout: time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, byte(n>>16), byte(n>>8), byte(n)|1)}}
		if c, err := d.Dial("tcp4", to); err == nil {
			open = append(open, c)
		}
		if len(open) > 900 {
			_ = open[0].Close()
			open = open[1:]
		}
		if n == 2000 {
			fmt.Println("flooded")
		}
		if n > 2000 {
			time.Sleep(10 * time.Millisecond)
		}
	}
}
