package daemon

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cgnkit/cgnkit/ebpf"
)

// links says how the interfaces are that are configured and those that the instance has.
func (x *xdp) links(has []ebpf.InterfaceStatus) string {
	if x.c.Present == nil {
		return ""
	}
	present, err := x.c.Present()
	if err != nil {
		return err.Error()
	}
	all := slices.Concat(x.c.Inside, x.c.Outside)
	for _, i := range has {
		all = append(all, i.Interface)
	}
	var b strings.Builder
	for _, i := range all {
		fmt.Fprintf(&b, "%s=%s ", i.Name, present[i.Name])
	}
	return b.String()
}
