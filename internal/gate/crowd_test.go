package gate

import (
	"testing"
	"time"
)

func TestCrowd(t *testing.T) {
	var c, other crowd
	now := time.Now()
	a1, a2, b1 := &Conn{since: now, busy: true}, &Conn{since: now.Add(time.Second)}, &Conn{since: now.Add(time.Minute)}
	if c.largest() != "" || c.idle("") != nil || c.idle("a") != nil {
		t.Error("an empty crowd has somebody")
	}
	if _, ok := c.neediest(&other); ok {
		t.Error("an empty crowd has somebody who waits")
	}
	c.add("a", a1)
	c.add("a", a2)
	c.add("b", b1)
	other.add("b", &Conn{})
	if who, ok := c.neediest(&other); who != "a" || !ok {
		t.Error(who, ok)
	}
	if c.largest() != "a" || c.of("a") != 2 || c.n != 3 {
		t.Error(c.largest(), c.of("a"), c.n)
	}
	if c.idle("") != a2 || c.idle("b") != b1 {
		t.Error("not who was idle longest")
	}
	c.remove("a", a2)
	c.remove("a", a2)
	c.remove("b", a2)
	if c.idle("a") != nil || c.idle("") != b1 || c.n != 2 {
		t.Error("who is gone is there")
	}
}
