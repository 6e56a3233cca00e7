package gate

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A site is a gate on loopback: every address there is a source.
type site struct {
	testing.TB
	*Gate
	mu      sync.Mutex
	dropped map[Reason]int
}

// few are bounds that a test reaches.
var few = Limits{Guests: 4, GuestsOfOne: 2, Known: 4, KnownOfOne: 2, Waiting: 8, Grace: 50 * time.Millisecond, Stay: time.Minute}

func open(tb testing.TB, limits Limits) *site {
	tb.Helper()
	l, err := ListenTCP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		tb.Fatal(err)
	}
	s := &site{TB: tb, dropped: map[Reason]int{}}
	s.Gate = New(l, limits, Host, func(why Reason) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dropped[why]++
	})
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// dial connects from 127.0.0.n.
func (s *site) dial(n byte) net.Conn {
	s.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, n)}}
	c, err := d.Dial("tcp", s.Addr().String())
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = c.Close() })
	return c
}

// accept returns who is let in next.
func (s *site) accept() *Conn {
	s.Helper()
	c, err := s.Accept()
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = c.Close() })
	return c.(*Conn)
}

// await waits for a condition on what the gate knows.
func (s *site) await(what string, is func() bool) {
	s.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		s.Gate.mu.Lock()
		ok := is()
		s.Gate.mu.Unlock()
		if ok {
			return
		}
	}
	s.Fatalf("it did not come to that: %s", what)
}

func (s *site) drops(why Reason) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped[why]
}

// ended reports that the other side has closed.
func ended(tb testing.TB, c net.Conn) {
	tb.Helper()
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		tb.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		tb.Errorf("%v is open still: %v", c.LocalAddr(), err)
	}
}

// TestOneSource has one source take all that it gets and want more: another one gets in at once.
func TestOneSource(t *testing.T) {
	limits := few
	limits.Grace = time.Hour
	s := open(t, limits)
	for range 6 {
		s.dial(1)
	}
	s.accept()
	s.accept()
	s.await("the others wait", func() bool { return s.waiting.n == 4 })
	other := s.dial(2)
	if c := s.accept(); c.RemoteAddr().String() != other.LocalAddr().String() {
		t.Errorf("%v came in", c.RemoteAddr())
	}
	if n := s.drops(Crowded) + s.drops(Silent); n != 0 {
		t.Errorf("%d were closed", n)
	}
}

// TestManySources has four sources fill all places: after a while a fifth gets that of the largest.
func TestManySources(t *testing.T) {
	s := open(t, few)
	first := s.dial(1)
	s.accept()
	for n := byte(1); n <= 3; n++ {
		s.dial(n)
		s.accept()
	}
	s.dial(5)
	s.accept()
	ended(t, first)
	if s.drops(Crowded) != 1 {
		t.Errorf("%v", s.dropped)
	}
}

// TestPatience has a source fill its own places and say nothing: who comes from there later gets in when their time is over.
func TestPatience(t *testing.T) {
	s := open(t, few)
	old := []net.Conn{s.dial(1), s.dial(1)}
	s.accept()
	s.accept()
	begin := time.Now()
	s.dial(1)
	s.accept()
	if waited := time.Since(begin); waited < few.Grace/2 {
		t.Errorf("a guest had to go after %v", waited)
	}
	s.await("one of them went", func() bool { return s.guests.n == 2 })
	closed := 0
	for _, c := range old {
		if err := c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); !isTimeout(err) {
			closed++
		}
	}
	if closed != 1 || s.drops(Crowded) != 1 {
		t.Errorf("%d are closed, %v", closed, s.dropped)
	}
}

// TestSilent has a guest be thrown out after its time, and who has shown whose it is stay.
func TestSilent(t *testing.T) {
	limits := few
	limits.Stay = 100 * time.Millisecond
	s := open(t, limits)
	known := s.dial(1)
	leave, ok := Enter(s.accept(), "a")
	if !ok {
		t.Fatal("it may not enter")
	}
	leave()
	silent := s.dial(1)
	s.accept()
	ended(t, silent)
	s.await("it is counted", func() bool { return s.drops(Silent) == 1 })
	if s.guests.n != 0 || s.known.n != 1 {
		t.Errorf("%d guests, %d known", s.guests.n, s.known.n)
	}
	if err := known.SetReadDeadline(time.Now().Add(2 * limits.Stay)); err != nil {
		t.Fatal(err)
	}
	if _, err := known.Read(make([]byte, 1)); !isTimeout(err) {
		t.Errorf("who is known was thrown out: %v", err)
	}
}

func isTimeout(err error) bool {
	timeout := net.Error(nil)
	return errors.As(err, &timeout) && timeout.Timeout()
}

// TestQueue bounds who waits: one of the source that has most of them goes, the oldest.
func TestQueue(t *testing.T) {
	limits := few
	limits.Grace = time.Hour
	s := open(t, limits)
	s.dial(2)
	s.await("it waits", func() bool { return s.waiting.n == 1 })
	var many []net.Conn
	for i := range limits.Waiting {
		many = append(many, s.dial(1))
		s.await("it waits or another one went", func() bool { return s.waiting.n+s.drops(Crowded) == i+2 })
	}
	ended(t, many[0])
	if s.waiting.of("127.0.0.2") != 1 || s.waiting.of("127.0.0.1") != limits.Waiting-1 {
		t.Errorf("%d and %d wait", s.waiting.of("127.0.0.2"), s.waiting.of("127.0.0.1"))
	}
}

// TestWellBehaved has many come at once from one source, of whom each is served when it is its turn: all are.
func TestWellBehaved(t *testing.T) {
	limits := few
	limits.Waiting, limits.Grace = 1000, time.Hour
	s := open(t, limits)
	const clients = 300
	go func() {
		for {
			c, err := s.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				_, _ = c.Write([]byte("x")) // a test that reads nothing fails
			}()
		}
	}()
	var wait sync.WaitGroup
	for range clients {
		c := s.dial(1)
		wait.Go(func() {
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	s.await("all places are free", func() bool { return s.guests.n == 0 && s.waiting.n == 0 })
}

// TestKnown bounds who is known: of a caller an idle connection gives way, and where all are being served there is no more room.
func TestKnown(t *testing.T) {
	s := open(t, few)
	enter := func(n byte, who string) (net.Conn, func(), bool) {
		c := s.dial(n)
		leave, ok := Enter(s.accept(), who)
		return c, leave, ok
	}
	first, leave, _ := enter(1, "a")
	if _, _, ok := enter(1, "a"); !ok {
		t.Fatal("the second is one too many")
	}
	if _, _, ok := enter(1, "a"); ok {
		t.Fatal("there were three of one, and all of them busy")
	}
	leave()
	if _, _, ok := enter(1, "a"); !ok {
		t.Error("one is idle, and does not give way")
	}
	ended(t, first)
	if _, _, ok := enter(2, "b"); !ok {
		t.Error("b has none")
	}
	idle, leave, ok := enter(2, "b")
	if !ok {
		t.Error("b has one")
	}
	if _, _, ok := enter(3, "c"); ok {
		t.Error("all places are taken by who is being served")
	}
	leave()
	if _, _, ok := enter(3, "c"); !ok {
		t.Error("one is idle, and does not give way to another caller")
	}
	ended(t, idle)
	if s.known.n != few.Known {
		t.Errorf("%d are known", s.known.n)
	}
}

// TestAnotherCaller has a connection become that of somebody else, and again, when all places are taken.
func TestAnotherCaller(t *testing.T) {
	limits := few
	limits.Known = 1
	s := open(t, limits)
	s.dial(1)
	c := s.accept()
	for _, who := range []string{"a", "a", "b", "a"} {
		leave, ok := Enter(c, who)
		if !ok || s.known.of(who) != 1 || s.known.n != 1 || s.guests.n != 0 {
			t.Fatalf("%s: %t, %v", who, ok, s.known.by)
		}
		leave()
	}
	_ = c.Close()
	if leave, ok := Enter(c, "a"); !ok || s.known.n != 0 {
		t.Error("what is closed has a place")
	} else {
		leave()
	}
	if leave, ok := Enter(nil, "a"); !ok {
		t.Error("no connection may not enter")
	} else {
		leave()
	}
}

// TestLast has a guest that was refused give way at once.
func TestLast(t *testing.T) {
	limits := few
	limits.Grace = time.Hour
	s := open(t, limits)
	var guests []*Conn
	for range limits.GuestsOfOne {
		s.dial(1)
		guests = append(guests, s.accept())
	}
	s.dial(1)
	s.await("it waits", func() bool { return s.waiting.n == 1 })
	Last(guests[1])
	Last(nil)
	s.accept()
	if s.guests.of("127.0.0.1") != limits.GuestsOfOne || guests[1].in != nil {
		t.Errorf("%v", s.guests.by)
	}
}

// TestClose has the end be told to who accepts, and who waits be let go.
func TestClose(t *testing.T) {
	limits := few
	limits.Grace = time.Hour
	s := open(t, limits)
	for range limits.GuestsOfOne {
		s.dial(1)
		s.accept()
	}
	waits := s.dial(1)
	s.await("it waits", func() bool { return s.waiting.n == 1 })
	end := make(chan error)
	go func() {
		_, err := s.Accept()
		end <- err
	}()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-end; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	ended(t, waits)
}

// A failing listener has no descriptor left at first.
type failing struct {
	net.Listener
	mu    sync.Mutex
	times int
}

func (f *failing) Accept() (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.times > 0 {
		f.times--
		return nil, syscall.EMFILE
	}
	return f.Listener.Accept()
}

// TestAcceptFails has whoever accepts be told, and go on.
func TestAcceptFails(t *testing.T) {
	l, err := ListenTCP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	s := &site{TB: t, Gate: New(&failing{Listener: l, times: 2}, few, Host, nil)}
	defer func() { _ = s.Close() }()
	for range 2 {
		if _, err := s.Accept(); !errors.Is(err, syscall.EMFILE) {
			t.Error(err)
		}
	}
	s.dial(1)
	s.accept()
}
