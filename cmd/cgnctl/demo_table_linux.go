package main

import "net/netip"

// show prints a row for each flow, with what the server saw under each backend, and then what the backends can do.
func (c *comparison) show() error {
	c.say(`
4. Traffic: each subscriber asks each server, from its own port %d (ping:
   with that identifier). What each server saw, and whether the plan agrees:
`, demoPort)
	flows, abilities := c.flowRows(), c.abilityRows()
	right, leaks := 0, 0
	for _, s := range c.sides {
		right, leaks = right+s.right(), leaks+s.leaks
	}
	more := []value{{"abilities", abilities}, {"right", right}, {"leaks", leaks}, {"plan_sha256", c.plan.SHA256()}}
	if err := c.print("flows", flows, more...); err != nil {
		return err
	}
	const beyond = "\n5. Beyond the plan, what RFC 4787 and RFC 6888 ask of a CGN:\n"
	switch c.format {
	case "table", "ndjson":
		c.say(beyond)
		if err := c.print("abilities", abilities); err != nil {
			return err
		}
	case "csv":
		c.say(beyond)
		for _, a := range abilities {
			for _, s := range a[1:] {
				c.say("%v: %s: %v", a[0].v, s.key, s.v)
			}
		}
	}
	if leaks > 0 {
		c.say("\n6. Untranslated: %s!\n", plural(uint64(leaks), "packet"))
		return nil
	}
	c.say("\n6. Untranslated: nothing. Each subscriber also sent GRE, which has no ports; it\n   reached the CGN and stopped there.\n")
	return nil
}

// flowRows puts the flows of all backends side by side. The table leaves out what a reader of it knows.
func (c *comparison) flowRows() []record {
	table := c.format == "table"
	var rows []record
	for i, f := range c.sides[0].flows {
		r := record{{"subscriber", f.subscriber}, {"proto", f.proto}, {"server", f.server}}
		if !table {
			r = append(r, value{"outside", f.share.Outside()}, value{"ports", f.share.Ports()})
		}
		right := true
		for _, s := range c.sides {
			r = append(r, value{s.name(), sawText(s.flows[i].seen, table)})
			right = right && s.flows[i].right
		}
		rows = append(rows, append(r, value{"verdict", judgement{right: right}.verdict()}))
	}
	return rows
}

func sawText(seen netip.AddrPort, people bool) any {
	switch {
	case seen.IsValid():
		return seen
	case people:
		return "nothing"
	}
	return nil
}

// abilityRows puts the abilities side by side.
func (c *comparison) abilityRows() []record {
	var rows []record
	for i, a := range c.sides[0].can {
		r := record{{"ability", a.what}}
		for _, s := range c.sides {
			r = append(r, value{s.name(), s.can[i].String()})
		}
		rows = append(rows, r)
	}
	return rows
}
