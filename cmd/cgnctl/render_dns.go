package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc/publish"
)

// dnsFlags are what render dns wants to know beside the plan.
type dnsFlags struct {
	plan       planFlags
	name       string
	spec       publish.ReverseSpec
	zone, into string
}

func newRenderDNS(e *env) *cobra.Command {
	var f dnsFlags
	cmd := &cobra.Command{
		Use:   "dns -c PLAN --name TEMPLATE --ns HOST --hostmaster MAIL --serial N",
		Short: "Write the reverse zones of the outside addresses",
		Long: `Write reverse zones (PTR) for the outside addresses of a plan, one for each /24. With --classless a /24 that is not wholly
in the plan has a zone for each run of its addresses (RFC 2317), and what the zone of the /24 needs to point to them is
written beside it.

--name is a template: {ip} is 203-0-113-7, {a} to {d} are the octets, {pool} is the name of the pool in lower case. A name that
says "cgn" helps those who block or limit addresses to see that many people are behind one.

With --dir all goes into a folder: NAME.zone, named.conf that names them, delegation-NAME.inc for the zone of a /24, and
forward.inc with the A records that belong to the names. Without it one zone goes to standard output: the one named by
--zone, or the only one.`,
		Example: `  cgnctl render dns -c plan.yaml --name '{ip}.cgn.example.net' --ns ns1.example.net --ns ns2.example.net \
    --hostmaster hostmaster@example.net --serial 2026112201 --dir zones`,
		Args: exactly(0, "no arguments"),
	}
	f.plan.add(cmd)
	cmd.Flags().StringVar(&f.name, "name", "", "template for the names, for example {ip}.cgn.example.net")
	cmd.Flags().StringArrayVar(&f.spec.NameServers, "ns", nil, "name server of the zones, the primary first; repeatable")
	cmd.Flags().StringVar(&f.spec.Hostmaster, "hostmaster", "", "mail address of who looks after the zones")
	cmd.Flags().Uint32Var(&f.spec.Serial, "serial", 0, "serial number; it has to grow with every change")
	cmd.Flags().Uint32Var(&f.spec.TTL, "ttl", 86400, "how long others may keep the records, in seconds")
	cmd.Flags().BoolVar(&f.spec.Classless, "classless", false, "a zone for each run of addresses that is no whole /24 (RFC 2317)")
	cmd.Flags().StringVar(&f.zone, "zone", "", "write this zone only")
	cmd.Flags().StringVar(&f.into, "dir", "", "folder to write all zones to; it is made if need be")
	cmd.MarkFlagsMutuallyExclusive("zone", "dir")
	cmd.RunE = func(*cobra.Command, []string) error {
		r, err := f.reverse()
		switch {
		case err != nil:
			return err
		case f.into != "":
			if err := writeZones(r, f.into); err != nil {
				return err
			}
			return e.warnOfZones(r, f.into)
		}
		zone, err := f.only(r)
		if err != nil {
			return err
		}
		return e.writeTo(zone.Write)
	}
	return cmd
}

// reverse reads the plan and checks the flags.
func (f *dnsFlags) reverse() (*publish.Reverse, error) {
	for _, needed := range []struct {
		missing    bool
		flag, hint string
	}{
		{f.name == "", "--name", "for example --name '{ip}.cgn.example.net'"},
		{len(f.spec.NameServers) == 0, "--ns", "for example --ns ns1.example.net --ns ns2.example.net"},
		{f.spec.Hostmaster == "", "--hostmaster", "for example --hostmaster hostmaster@example.net"},
		{f.spec.Serial == 0, "--serial", "it has to grow with every change: for example --serial $(date +%s)"},
	} {
		if needed.missing {
			return nil, badInput(needed.hint, "%s is missing", needed.flag)
		}
	}
	file, err := f.plan.load()
	if err != nil {
		return nil, err
	}
	if f.spec.Template, err = publish.ParseTemplate(f.name); err != nil {
		return nil, badInput("for example --name '{ip}.cgn.example.net'", "--name: %v", err)
	}
	r, err := publish.NewReverse(file.Plan, f.spec)
	if err != nil {
		return nil, badInput("", "%v", err)
	}
	return r, nil
}

// only returns the zone that goes to standard output.
func (f *dnsFlags) only(r *publish.Reverse) (found publish.Zone, err error) {
	var names []string
	for z := range r.Zones() {
		switch {
		case strings.EqualFold(z.Name(), strings.TrimSuffix(f.zone, ".")):
			return z, nil
		case len(names) < 4:
			names = append(names, z.Name())
			found = z
		default:
			names[3] = "..."
		}
	}
	if f.zone == "" && len(names) == 1 {
		return found, nil
	}
	hint := "name one with --zone, or write all of them with --dir"
	if f.zone != "" {
		return found, badInput(hint, "--zone: the plan has no zone %q; it has %s", f.zone, strings.Join(names, ", "))
	}
	return found, badInput(hint, "the plan has several zones: %s", strings.Join(names, ", "))
}

// writeZones writes everything into a folder, each file whole or not at all, and what names the zones last.
func writeZones(r *publish.Reverse, dir string) (err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return badInput("", "--dir: %v", err)
	}
	forward, err := newWholeFile(filepath.Join(dir, "forward.inc"), 0o644)
	if err != nil {
		return badInput("", "--dir: %v", err)
	}
	conf, err := newWholeFile(filepath.Join(dir, "named.conf"), 0o644)
	if err != nil {
		return badInput("", "--dir: %v", errors.Join(err, forward.drop()))
	}
	delegation := &delegations{dir: dir}
	for z := range r.Zones() {
		if err = writeZone(z, dir, forward, conf, delegation); err != nil {
			break
		}
	}
	err = errors.Join(err, delegation.close(err == nil))
	if err == nil {
		err = forward.keep()
	}
	if err == nil {
		err = conf.keep()
	}
	if err != nil {
		return fmt.Errorf("--dir: %w", errors.Join(err, forward.drop(), conf.drop()))
	}
	return nil
}

// warnOfZones warns of zones and delegations in the folder that the plan has no longer: those of another plan, or of other flags. They are left, because
// other configuration may name them.
func (e *env) warnOfZones(r *publish.Reverse, dir string) error {
	const zone, delegation, shown = ".in-addr.arpa.zone", "delegation-", 5
	written := map[string]bool{}
	for z := range r.Zones() {
		written[z.Name()+".zone"] = true
		if z.Classless() {
			written[delegation+z.Parent()+".inc"] = true
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	var old []string
	for _, f := range entries {
		name := f.Name()
		of := strings.HasSuffix(name, zone) && isOurs(filepath.Join(dir, name)) || strings.HasPrefix(name, delegation) && strings.HasSuffix(name, ".in-addr.arpa.inc")
		if of && !written[name] {
			old = append(old, name)
		}
	}
	if n := len(old); n > shown {
		old = append(old[:shown], fmt.Sprintf("and %d more", n-shown))
	}
	if len(old) > 0 {
		e.warn([]string{fmt.Sprintf("--dir %s: named.conf does not name what is there from another run; remove it where nothing else names it: %s", dir, strings.Join(old, ", "))})
	}
	return nil
}

// isOurs reports whether a zone was written by cgnctl, as its first line says.
func isOurs(path string) bool {
	const head = "; generated by cgnkit"
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	b := make([]byte, len(head))
	_, err = io.ReadFull(f, b)
	return err == nil && string(b) == head
}

func writeZone(z publish.Zone, dir string, forward, conf io.Writer, d *delegations) error {
	f, err := newWholeFile(filepath.Join(dir, z.Name()+".zone"), 0o644)
	if err != nil {
		return err
	}
	if err := z.Write(f); err != nil {
		return errors.Join(err, f.drop())
	}
	if err := f.keep(); err != nil {
		return err
	}
	if err := z.WriteForward(forward); err != nil {
		return err
	}
	if z.Classless() {
		if err := d.add(z); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(conf, "zone %q { type primary; file %q; };\n", z.Name(), z.Name()+".zone")
	return err
}

// delegations writes what the zones of /24s need, one file for each.
type delegations struct {
	dir, parent string
	file        *wholeFile
}

func (d *delegations) add(z publish.Zone) (err error) {
	if d.parent != z.Parent() {
		if err := d.close(true); err != nil {
			return err
		}
		d.parent = z.Parent()
		if d.file, err = newWholeFile(filepath.Join(d.dir, "delegation-"+d.parent+".inc"), 0o644); err != nil {
			return err
		}
	}
	return z.WriteDelegation(d.file)
}

func (d *delegations) close(good bool) error {
	f := d.file
	d.file = nil
	switch {
	case f == nil:
		return nil
	case good:
		return f.keep()
	}
	return f.drop()
}
