package nat44

import (
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/portset"
)

// smallRouter has three ranges of four ports.
func smallRouter() RouterSpec {
	layout := must(portset.NewLayout(2, 12))
	return RouterSpec{Instance: cgn, Outside: netip.MustParseAddr("192.0.2.18"), Ports: must(layout.Set(0x34)), Link: "map0", MTU: 1460, Notes: []string{"An example"}}
}

func TestRouterGolden(t *testing.T) {
	for i, name := range Filterings {
		s := smallRouter()
		s.Filtering = Filtering(i + 1)
		golden(t, filepath.Join("testdata", "router", name+".nft"), must(NewRouter(s)).String())
	}
	s := smallRouter()
	s.Services = must(portset.ParseSet("16593,49360-49361"))
	golden(t, filepath.Join("testdata", "router", "services.nft"), must(NewRouter(s)).String())
}

func TestRouterRefused(t *testing.T) {
	zero := must(must(portset.NewLayout(0, 16)).Set(0))
	for name, c := range map[string]struct {
		change func(*RouterSpec)
		text   string
	}{
		"no instance": {func(s *RouterSpec) { s.Instance = Instance{} }, "empty"},
		"IPv6":        {func(s *RouterSpec) { s.Outside = netip.MustParseAddr("2001:db8::1") }, "not IPv4"},
		"no ports":    {func(s *RouterSpec) { s.Ports = portset.Set{} }, "no ports"},
		"port 0":      {func(s *RouterSpec) { s.Ports = zero }, "no ports"},
		"no link":     {func(s *RouterSpec) { s.Link = "" }, "1 to 15"},
		"long link":   {func(s *RouterSpec) { s.Link = "a234567890123456" }, "1 to 15"},
		"quoted link": {func(s *RouterSpec) { s.Link = `x" drop` }, "1 to 15"},
		"wildcard":    {func(s *RouterSpec) { s.Link = "map*" }, "1 to 15"},
		"MTU":         {func(s *RouterSpec) { s.MTU = 575 }, "not in 576"},
		"filtering":   {func(s *RouterSpec) { s.Filtering = 4 }, "unknown"},
		"service":     {func(s *RouterSpec) { s.Services = must(portset.ParseSet("16592,16596")) }, "port 16596, which is not one"},
		"service 0":   {func(s *RouterSpec) { s.Ports, s.Services = portset.Set{}, zero }, "port 0"},
		"all serve":   {func(s *RouterSpec) { s.Services = s.Ports }, "all ports"},
		"notes":       {func(s *RouterSpec) { s.Notes = []string{"a\ntable ip b {}"} }, "control"},
	} {
		s := smallRouter()
		c.change(&s)
		r, err := NewRouter(s)
		if r != nil || !errors.Is(err, ErrRouter) && !errors.Is(err, ErrInstance) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseFiltering("some"); !errors.Is(err, ErrRouter) {
		t.Error(err)
	}
	for i, name := range Filterings {
		if f, err := ParseFiltering(name); err != nil || int(f) != i+1 {
			t.Error(name, f, err)
		}
	}
}

// Who has a whole address gets no system ports, who has the first share of one gets those but port 0.
func TestRouterLowPorts(t *testing.T) {
	for length, want := range map[int]string{0: "0-1023", 8: "0-0,\n\t\t\t256-65535", 15: "0-0,\n\t\t\t2-65535"} {
		s := smallRouter()
		s.Ports = must(must(portset.NewLayout(0, length)).Set(0))
		if text := must(NewRouter(s)).String(); !strings.Contains(text, "\tset withheld {\n\t\ttype inet_service\n\t\tflags interval\n\t\telements = {\n\t\t\t"+want+"\n\t\t}\n") {
			t.Errorf("PSID length %d: want %s withheld in\n%s", length, want, text[:min(len(text), 3000)])
		}
	}
}

// Who has a whole address may serve on its system ports, too, and has them for nothing else.
func TestRouterLowServices(t *testing.T) {
	s := smallRouter()
	s.Ports, s.Services = must(must(portset.NewLayout(0, 0)).Set(0)), must(portset.ParseSet("22,80-81,5000"))
	text := must(NewRouter(s)).String()
	for _, want := range []string{"\tset others {\n\t\ttype inet_service\n\t\tflags interval\n\t}\n", "\tset withheld {\n\t\ttype inet_service\n\t\tflags interval\n\t\telements = {\n\t\t\t0-1023,\n\t\t\t5000-5000\n", " with 64511 ports, ", "\t\t\t64510 : "} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text[:min(len(text), 3000)])
		}
	}
}

// No two ports have the same hash: what is known of one is not said of another.
func TestPortHashes(t *testing.T) {
	seen := map[uint32]int{}
	for port := range 1 << 16 {
		h := portHash(uint16(port))
		if other, taken := seen[h]; taken {
			t.Fatalf("ports %d and %d have the hash %#x", other, port, h)
		}
		seen[h] = port
	}
}
