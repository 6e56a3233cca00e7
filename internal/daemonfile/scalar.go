package daemonfile

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The types of scalars, as YAML has them.
const (
	strTag   = "!!str"
	intTag   = "!!int"
	floatTag = "!!float"
)

// checkType reports a word that YAML takes for something else than text where there is to be text: null, true, 12. Numbers are checked by
// who reads them.
func (f field) checkType(n *yaml.Node) error {
	tag := n.ShortTag()
	switch {
	case tag == strTag, f.kind == number, f.kind == percent, tag == intTag && (f.kind == account || f.kind == mode):
		return nil
	}
	return fmt.Errorf("%q is no text, but %s: put it into quotes", n.Value, strings.TrimPrefix(tag, "!!"))
}

var errNotWhole = errors.New("it is no whole number")

// whole returns the whole number that a scalar is: 5, 0x5, 1_000 and also 5.0.
func whole(n *yaml.Node) (int64, error) {
	var v float64
	if tag := n.ShortTag(); tag != intTag && tag != floatTag {
		return 0, errNotWhole
	}
	if err := n.Decode(&v); err != nil || v != math.Trunc(v) || math.Abs(v) > 1<<53 {
		return 0, errNotWhole
	}
	return int64(v), nil
}

// parseID returns the number of a user or group as text.
func parseID(n *yaml.Node) (string, error) {
	id, err := whole(n)
	if err != nil || id < 0 || id > maxID {
		return "", fmt.Errorf("%q is no number from 0 to %d", n.Value, int64(maxID))
	}
	return strconv.FormatInt(id, 10), nil
}

// maxID is the highest number of a user or group; the one after it means none.
const maxID = math.MaxUint32 - 1
