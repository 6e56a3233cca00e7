package main

import (
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/publish"
)

func newRenderGeofeed(e *env) *cobra.Command {
	var p planFlags
	var places []string
	cmd := &cobra.Command{
		Use:   "geofeed -c PLAN --location [POOL=]COUNTRY[,REGION[,CITY]]",
		Short: "Write where the subscribers behind the outside addresses are (RFC 8805)",
		Long: `Write a geofeed (RFC 8805): the outside prefixes of the plan with the country, region and city of the subscribers behind
them, for the URL that your geofeed: attribute names (RFC 9632). A location without POOL= holds for every pool that has none of
its own; a pool without a location is left out. An empty location says that nobody shall guess.`,
		Example: `  cgnctl render geofeed -c plan.yaml --location BR,BR-SP --location 'north=BR,BR-AM,Manaus' > geofeed.csv`,
		Args:    exactly(0, "no arguments"),
	}
	p.add(cmd)
	cmd.Flags().StringArrayVar(&places, "location", nil, "ISO 3166 country, region and a city, of one pool or of all; repeatable")
	cmd.RunE = func(*cobra.Command, []string) error {
		file, err := p.load()
		if err != nil {
			return err
		}
		locations, err := parseLocations(file.Plan, places)
		if err != nil {
			return err
		}
		return e.writeTo(func(w io.Writer) error { return publish.Geofeed(w, file.Plan, locations) })
	}
	return cmd
}

// parseLocations reads the locations of pools, and the one of all others.
func parseLocations(p *alloc.Plan, places []string) (map[string]publish.Location, error) {
	const hint = "for example --location BR,BR-SP or --location 'north=BR,BR-AM,Manaus'"
	if len(places) == 0 {
		return nil, badInput(hint, "--location is missing")
	}
	locations, known := map[string]publish.Location{}, map[string]bool{}
	for pool := range p.AllPools() {
		known[pool.Name()] = true
	}
	var others *publish.Location
	for _, text := range places {
		name, place, named := strings.Cut(text, "=")
		if !named {
			place = text
		}
		l, err := publish.ParseLocation(place)
		_, twice := locations[name]
		switch {
		case err != nil:
			return nil, badInput(hint, "--location: %v", err)
		case named && !known[name]:
			return nil, badInput(hint, "--location: the plan has no pool %q", name)
		case named && twice || !named && others != nil:
			return nil, badInput(hint, "--location %q: given twice", text)
		case named:
			locations[name] = l
		default:
			others = &l
		}
	}
	for name := range known {
		if _, own := locations[name]; !own && others != nil {
			locations[name] = *others
		}
	}
	return locations, nil
}

func newRenderPrefixlen(e *env) *cobra.Command {
	return newRenderTarget(e, "prefixlen", "Write how many subscribers share the outside addresses (RFC 9977)",
		"cgnctl render prefixlen -c plan.yaml > prefixlen.csv", publish.PrefixLengths, alloc.NAT44, alloc.MAPE, alloc.MAPT, alloc.LW4o6)
}

func newRenderBIRD(e *env) *cobra.Command {
	var p planFlags
	var protocol string
	cmd := &cobra.Command{
		Use:   "bird -c PLAN",
		Short: "Write the outside prefixes as routes for the BIRD routing daemon",
		Long: `Write the outside prefixes of a plan as a static protocol of BIRD 2: blackhole routes, so that what has no mapping ends here and
does not go round. For pools of MAP a second protocol, cgnkit6, has the IPv6 prefixes of the rules and of the default mapping rule.
Include the file in bird.conf and export both by the protocol that you speak, BGP for example:

  include "cgnkit.conf";
  protocol bgp { ...; ipv4 { export where proto = "cgnkit"; import none; }; ipv6 { export where proto = "cgnkit6"; import none; }; }`,
		Example: `  cgnctl render bird -c plan.yaml > /etc/bird/cgnkit.conf && birdc configure`,
		Args:    exactly(0, "no arguments"),
	}
	p.add(cmd)
	cmd.Flags().StringVar(&protocol, "protocol", "cgnkit", "name of the static protocol")
	cmd.RunE = func(*cobra.Command, []string) error {
		file, err := p.load()
		if err != nil {
			return err
		}
		err = e.writeTo(func(w io.Writer) error { return publish.BIRD(w, file.Plan, protocol) })
		if errors.Is(err, publish.ErrProtocol) {
			return badInput("for example --protocol cgn_west", "--protocol: %v", err)
		}
		return err
	}
	return cmd
}
