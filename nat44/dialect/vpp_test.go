package dialect

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// simulateDet44 returns what det44 maps an address to, by its formula.
func simulateDet44(t *testing.T, text string) func(netip.Addr) (targetShare, bool) {
	t.Helper()
	type mapping struct{ in, out netip.Prefix }
	var maps []mapping
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		f := strings.Fields(line)
		if f[0] == "comment" {
			// VPP's parser counts braces: more of them than the outer pair would swallow commands.
			if strings.Count(line, "{") != 1 || strings.Count(line, "}") != 1 || !strings.HasSuffix(line, " }") {
				t.Fatalf("a comment with braces: %s", line)
			}
			continue
		}
		if len(f) != 6 || f[0] != "det44" || f[1] != "add" || f[2] != "in" || f[4] != "out" {
			t.Fatalf("not a det44 command: %s", line)
		}
		maps = append(maps, mapping{netip.MustParsePrefix(f[3]), netip.MustParsePrefix(f[5])})
	}
	return func(a netip.Addr) (targetShare, bool) {
		for _, m := range maps {
			if !m.in.Contains(a) {
				continue
			}
			ratio := (uint32(1) << (32 - m.in.Bits())) / (uint32(1) << (32 - m.out.Bits()))
			ports := (65535 - 1023) / ratio
			offset := u32(a) - u32(m.in.Addr())
			first := int(1024 + ports*(offset%ratio))
			return targetShare{addr4(u32(m.out.Addr()) + offset/ratio), first, first + int(ports) - 1}, true
		}
		return targetShare{}, false
	}
}

func TestVPPFormula(t *testing.T) {
	rendered := 0
	check := func(name string, p *alloc.Plan) {
		text, err := render(t, VPP, p)
		if err != nil {
			return
		}
		rendered++
		compareTarget(t, name, p, simulateDet44(t, text))
	}
	everyPlan(t, check)
	for in := 20; in <= 32; in++ {
		for out := in; out <= 32; out++ {
			inside, outside := netip.PrefixFrom(ip("100.64.0.0"), in).String(), netip.PrefixFrom(ip("198.18.0.0"), out).String()
			p := plan(pool("p", inside, outside, scheme(alloc.Spread)))
			before := rendered
			if check(inside+" on "+outside, p); rendered == before {
				t.Errorf("%s on %s is refused", inside, outside)
			}
		}
	}
	t.Logf("%d plans rendered", rendered)
}

// TestVPPRefusesWhatDiffers checks pools of one prefix pair each: they are taken exactly when the formula of det44 gives
// every subscriber the share of the plan.
func TestVPPRefusesWhatDiffers(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	taken, refused := 0, 0
	for range 2000 {
		in := 24 + r.IntN(9)
		out := in + r.IntN(33-in)
		s := alloc.PoolSpec{Scheme: alloc.Scheme(1 + r.IntN(5))}
		if s.Scheme == alloc.Step {
			s.StepSize = 1 + r.IntN(2)
		}
		ratio := 1 << (out - in)
		if r.IntN(2) == 0 {
			s.PortsPerSubscriber = 64512/ratio - r.IntN(2)
		}
		if r.IntN(2) == 0 {
			s.SharingRatio = ratio + r.IntN(2)
		}
		if r.IntN(4) == 0 {
			s.Ports = portRange([]string{"1024-65534", "1023-65535"}[r.IntN(2)])
		}
		inside, outside := netip.PrefixFrom(ip("100.64.0.0"), in).String(), netip.PrefixFrom(ip("198.18.0.0"), out).String()
		p, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{pool("p", inside, outside, s)}})
		if err != nil {
			continue
		}
		det44 := simulateDet44(t, "det44 add in "+inside+" out "+outside)
		same := true
		for a := range p.All() {
			got, _ := det44(a.Inside())
			ports, one := a.Ports().Range()
			same = same && one && got == targetShare{a.Outside(), int(ports.First()), int(ports.Last())}
		}
		_, err = render(t, VPP, p)
		if same != (err == nil) {
			t.Fatalf("%s: same %v, and the answer is %v", p.AppendCanonical(nil), same, err)
		}
		if same {
			taken++
		} else {
			refused++
		}
	}
	t.Logf("%d taken, %d refused", taken, refused)
	if taken < 50 || refused < 50 {
		t.Error("too few of one kind")
	}
}

// TestVPPVectors compares with the mappings that VPP's documentation and tests print.
func TestVPPVectors(t *testing.T) {
	det44 := simulateDet44(t, mustRender(t, VPP, samples()["det44-15"]))
	if s, ok := det44(ip("10.0.0.2")); !ok || s != (targetShare{ip("1.1.1.0"), 1054, 1068}) {
		t.Errorf("10.0.0.2 maps to %+v, VPP prints 1.1.1.0:<1054-1068>", s)
	}
	p := plan(pool("unit", "172.16.255.0/24", "172.17.255.50", scheme(alloc.Spread)))
	det44 = simulateDet44(t, mustRender(t, VPP, p))
	if s, ok := det44(ip("172.16.255.20")); !ok || s != (targetShare{ip("172.17.255.50"), 6064, 6315}) {
		t.Errorf("172.16.255.20 maps to %+v, not to 172.17.255.50:6064-6315", s)
	}
}
