//go:build !linux

package ebpf

import (
	"errors"
	"time"
)

func jiffy() (time.Duration, error) { return 0, errors.ErrUnsupported }
