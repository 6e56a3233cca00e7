package live

import (
	"strings"

	"github.com/cgnkit/cgnkit/ebpf"
)

// result returns the labels of a verdict: "drop-no-mapping" is dropped, no-mapping.
func result(v ebpf.Verdict) (result, reason string) {
	name := v.String()
	switch v.Kind() {
	case ebpf.Translated:
		return "translated", name
	case ebpf.Passed:
		return "passed", strings.TrimPrefix(name, "pass-")
	case ebpf.Replied:
		return "replied", "icmp-error"
	case ebpf.Held:
		return "held", "fragment"
	}
	return "dropped", strings.TrimPrefix(name, "drop-")
}
