package testseed

import "testing"

func TestNewRepeats(t *testing.T) {
	t.Setenv("TEST_SEED", "18446744073709551615")
	if a, b := New(t), New(t); a != 1<<64-1 || a != b {
		t.Errorf("%d and %d, want the seed of the environment", a, b)
	}
}
