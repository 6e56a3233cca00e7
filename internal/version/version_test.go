package version_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/version"
)

// TestRelease has the release be one that Debian can sort: internal/packaging/deb.sh turns its first "-" into "~", which stands
// before the release itself.
func TestRelease(t *testing.T) {
	if !regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$`).MatchString(version.Release) {
		t.Errorf("%q is no version", version.Release)
	}
}

func Example() {
	fmt.Println(strings.Count(version.Release, "."))
	// Output: 2
}
