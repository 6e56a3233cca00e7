package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/nat44"
	"github.com/cgnkit/cgnkit/portset"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// routerFlags say of which subscriber's router the NAT is to be written.
type routerFlags struct {
	rule                       ruleFlags
	subscriber, endUser, realm string
	link, filtering, services  string
	mtu                        int
}

func (f *routerFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.subscriber, "subscriber", "", "with -c: write the NAT of the router of this subscriber, an end-user IPv6 prefix")
	flags.StringVar(&f.endUser, "end-user", "", "without -c: write the NAT of the router with this IPv6 prefix under the rule that flags give")
	flags.StringVar(&f.realm, "realm", "", "of a router: address space of the prefix; default: default")
	flags.StringVar(&f.link, "interface", "map0", "of a router: the tunnel to the border relay, or what leads to the translator")
	decimalVar(flags, &f.mtu, "mtu", 0, "of a router: MTU of the interface; default: 1460, and 1480 with MAP-T")
	flags.StringVar(&f.filtering, "filtering", nat44.Filterings[0], "of a router: from where packets reach an inside endpoint that has a port: an address to which it has sent (address), answers only (address-and-port), everywhere (none)")
	flags.StringVar(&f.services, "services", "", "of a router: ports of its own on which it listens itself, by TCP and UDP, for example 1232,2256-2257: no inside endpoint gets them, and what the router sends from one leaves from it")
	_ = cmd.RegisterFlagCompletionFunc("filtering", cobra.FixedCompletions(nat44.Filterings, cobra.ShellCompDirectiveNoFileComp))
	f.rule.addRule(cmd)
}

// Flags that mean something for a router only, and those of them that describe a rule.
var (
	routerOnly = []string{"subscriber", "end-user", "realm", "interface", "mtu", "filtering", "services"}
	ruleOnly   = []string{"rule6", "rule4", "ea-len", "psid-offset", "psid-length", "psid", "draft-iid", "overwrite-iid"}
)

// given reports whether any flag is about a router.
func (f *routerFlags) given() bool {
	return slices.ContainsFunc(slices.Concat(routerOnly, ruleOnly), f.rule.changed)
}

// MTUs of what leads to the border relay over a link with 1500.
const (
	tunnelMTU    = 1460
	translateMTU = 1480
)

// write writes the NAT of the router.
func (f *routerFlags) write(e *env, p *planFlags, in *instanceFlag) error {
	if !f.rule.changed("instance") {
		in.name = nat44.RouterInstance
	}
	instance, err := in.parse()
	if err != nil {
		return err
	}
	s := nat44.RouterSpec{Instance: instance, Link: f.link}
	if s.Filtering, err = nat44.ParseFiltering(f.filtering); err != nil {
		return badInput("want "+strings.Join(nat44.Filterings, ", "), "--filtering %q is unknown", f.filtering)
	}
	var kind alloc.Kind
	if f.rule.changed("services") {
		if s.Services, err = portset.ParseSet(f.services); err != nil {
			return badInput("for example --services 1232,2256-2257", "--services: %v", err)
		}
	}
	if p.config == "" {
		err = f.ofRule(&s)
	} else {
		kind, err = f.ofPlan(e, &s, p)
	}
	if err != nil {
		return err
	}
	switch s.MTU = f.mtu; {
	case f.rule.changed("mtu"):
	case kind == alloc.MAPT:
		s.MTU = translateMTU
	default:
		s.MTU = tunnelMTU
	}
	r, err := nat44.NewRouter(s)
	if err != nil {
		return err
	}
	return e.writeTo(func(w io.Writer) error { _, err := r.WriteTo(w); return err })
}

// ofRule fills in the router that the flags of a rule describe.
func (f *routerFlags) ofRule(s *nat44.RouterSpec) error {
	if f.subscriber != "" || f.realm != "" {
		return badInput("for example -c plan.yaml, or --end-user with --rule6, --rule4 and --ea-len", "--subscriber and --realm are about a plan, and -c is missing")
	}
	rule, err := f.rule.rule()
	if err != nil {
		return err
	}
	prefix, ce, err := ceOf(rule, f.endUser)
	if err != nil {
		return err
	}
	s.Ports = ce.Ports()
	s.Notes = []string{fmt.Sprintf("The router of %v under %v", prefix, rule)}
	s.Notes = append(s.Notes, tunnelNotes(f.link, ce.Address(), "BORDER-RELAY")...)
	return f.address(s, ce.IPv4())
}

// ofPlan fills in the router of a subscriber of a plan.
func (f *routerFlags) ofPlan(e *env, s *nat44.RouterSpec, p *planFlags) (alloc.Kind, error) {
	if f.endUser != "" || slices.ContainsFunc(ruleOnly, f.rule.changed) {
		return 0, badInput("--subscriber names one of the plan", "-c and the flags of a rule exclude each other")
	}
	if f.subscriber == "" {
		return 0, badInput("for example --subscriber 2001:db8:12:3400::/56", "--subscriber is missing: whose router is it?")
	}
	prefix, err := parseSubscriber(f.subscriber)
	if err != nil {
		return 0, err
	}
	file, err := p.load()
	if err != nil {
		return 0, err
	}
	who := alloc.Subscriber{Realm: f.realm, Prefix: prefix}
	a, err := file.Plan.Lookup(who)
	switch {
	case errors.Is(err, alloc.ErrNotSubscriber) || errors.Is(err, alloc.ErrExcluded):
		return 0, &fault{code: exitNobody, msg: fmt.Sprintf("%s: %v", who.Text(), err)}
	case err != nil:
		return 0, err
	}
	pool := a.Pool()
	if d := pool.Domain(); d != nil && pool.Kind() == alloc.MAPE && forwards(d) {
		e.warn([]string{fmt.Sprintf("pool %q has rules that forward: other routers send to this one past the border relay, and a tunnel of Linux that has a remote end takes nothing from them", pool.Name())})
	}
	addr, ok := a.RouterAddr()
	if !ok {
		return 0, badInput("without --subscriber, the plan's own NAT is written", "%v is in pool %q of NAT44: its router has no ports to give", a.Subscriber(), pool.Name())
	}
	s.Ports = a.Ports()
	s.Notes = []string{fmt.Sprintf("The router of %v, pool %s, %v. Plan sha256 %s", a.Subscriber(), pool.Name(), pool.Kind(), file.Plan.SHA256())}
	if relay, ok := pool.Relay(); ok {
		s.Notes = append(s.Notes, tunnelNotes(f.link, addr, relay.String())...)
	} else {
		dmr, _ := pool.Domain().DMR() // a pool of kind map-t has one
		s.Notes = append(s.Notes,
			fmt.Sprintf("%s leads to a translator, which Linux has none of: it makes %v of %v, and destinations", f.link, addr, a.Outside()),
			fmt.Sprintf("out of %v of addresses outside (RFC 7599).", dmr), "  "+wayOut(f.link), ownAddress)
	}
	return pool.Kind(), f.address(s, a.OutsidePrefix())
}

// forwards reports whether a domain has an FMR.
func forwards(d *softwire.Domain) bool {
	for i := range d.Len() {
		if d.Rule(i).Forwarding() {
			return true
		}
	}
	return false
}

// address fills in the address, if it is one.
func (f *routerFlags) address(s *nat44.RouterSpec, p netip.Prefix) error {
	if !p.IsSingleIP() {
		return badInput("give its hosts addresses of the prefix", "the router has %v, of which it shares nothing: there is nothing to translate", p)
	}
	s.Outside = p.Addr()
	return nil
}

// ownAddress says what stands behind the address in wayOut: that of RFC 7335.
const ownAddress = "The shared address itself is on no interface: other routers have other ports of it, and the way to them leads out."

// wayOut is how IPv4 comes to an interface.
func wayOut(link string) string {
	return fmt.Sprintf("ip link set %s up && ip address add 192.0.0.2/32 dev %s && ip route add default dev %s", link, link, link)
}

// tunnelNotes say what has to be there for MAP-E and lightweight 4over6.
func tunnelNotes(link string, local netip.Addr, relay string) []string {
	return []string{
		"The tunnel, where DEVICE has the IPv6 prefix:",
		fmt.Sprintf("  ip -6 address add %v/128 dev DEVICE", local),
		fmt.Sprintf("  ip -6 tunnel add %s mode ipip6 local %v remote %s encaplimit none", link, local, relay),
		"  " + wayOut(link),
		ownAddress,
	}
}
