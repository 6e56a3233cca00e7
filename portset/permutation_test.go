package portset

import (
	"crypto/aes"
	"testing"
)

var testKey = [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

func mustPermutation(t failer, key [16]byte, domain Set) *Permutation {
	t.Helper()
	p, err := NewPermutation(key, domain)
	if err != nil {
		t.Fatalf("NewPermutation of %v: %v", domain, err)
	}
	return p
}

// slowShuffle is the pseudo-code of RFC 6431 section 2.2.1, with one AES call per round and no table.
func slowShuffle(t failer, key [16]byte, x int) int {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		t.Fatalf("AES: %v", err)
	}
	left, right := x%256, x/256
	for round := 1; round <= 3; round++ {
		in, out := make([]byte, 16), make([]byte, 16)
		in[0], in[1] = byte(round), byte(right)
		block.Encrypt(out, in)
		left, right = right, left^int(out[0])
	}
	return right*256 + left
}

func TestPermutationIsTheRFCs(t *testing.T) {
	p := mustPermutation(t, testKey, mustSet(t, "1024-65535"))
	full := mustPermutation(t, testKey, mustSet(t, "0-65535"))
	for x := range PortCount {
		y := slowShuffle(t, testKey, x)
		if got, ok := full.Port(uint16(x)); !ok || int(got) != y {
			t.Fatalf("all ports: Port(%d) = %d, %v; want %d", x, got, ok, y)
		}
		if x < 1024 {
			continue
		}
		for y < 1024 {
			y = slowShuffle(t, testKey, y)
		}
		if got, ok := p.Port(uint16(x)); !ok || int(got) != y {
			t.Fatalf("Port(%d) = %d, %v; want %d", x, got, ok, y)
		}
	}
}

func TestPermutationBijection(t *testing.T) {
	for _, tc := range []struct {
		name   string
		domain Set
	}{
		{"the RFC's", mustSet(t, "1024-65535")},
		{"all ports", mustSet(t, "0-65535")},
		{"with holes", mustSet(t, "1024-5003,5005-5059,5061-49151,65535")},
		{"PSID set", mustPSID(t, 6, 8, 0x34)},
		{"staggered", mustSet(t, "1024-65535").Every(5, 16, 4032)},
		{"slice of a list", mustSet(t, "1-5,9,2000-3000").Slice(3, 800)},
		{"three ports", mustSet(t, "7,4000,65535")},
		{"one port", mustSet(t, "65535")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := mustPermutation(t, testKey, tc.domain)
			if !p.Domain().Equal(tc.domain) {
				t.Errorf("Domain() = %v, want %v", p.Domain(), tc.domain)
			}
			var image [PortCount]bool
			n := 0
			for x := range PortCount {
				x := uint16(x)
				y, ok := p.Port(x)
				back, okBack := p.Inverse(x)
				if ok != tc.domain.Contains(x) || okBack != ok {
					t.Fatalf("Port(%d) is %v and Inverse is %v, domain contains it: %v", x, ok, okBack, tc.domain.Contains(x))
				}
				if !ok {
					if y != 0 || back != 0 {
						t.Fatalf("port %d outside the domain: Port %d, Inverse %d, want 0", x, y, back)
					}
					continue
				}
				if !tc.domain.Contains(y) || image[y] {
					t.Fatalf("Port(%d) = %d is outside the domain or the image of two ports", x, y)
				}
				image[y] = true
				n++
				if z, ok := p.Inverse(y); !ok || z != x {
					t.Fatalf("Inverse(Port(%d)) = %d, %v", x, z, ok)
				}
				if z, ok := p.Port(back); !ok || z != x {
					t.Fatalf("Port(Inverse(%d)) = %d, %v", x, z, ok)
				}
			}
			if n != tc.domain.Len() {
				t.Errorf("%d images, want %d", n, tc.domain.Len())
			}
			if all := p.Set(0, tc.domain.Len()); !all.Equal(tc.domain) {
				t.Errorf("the share of all indexes is %v, want the domain", all)
			}
		})
	}
}

func TestPermutationShares(t *testing.T) {
	for _, tc := range []struct {
		name   string
		domain Set
		n      int
	}{
		{"the RFC's domain, 2048 ports", mustSet(t, "1024-65535"), 2048},
		{"holes, 100 ports", mustSet(t, "1024-1999,3000-3499,65000-65535"), 100},
		{"PSID set, 12 ports", mustPSID(t, 6, 8, 0xff), 12},
		{"single ports", mustSet(t, "7,4000,65535"), 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := mustPermutation(t, testKey, tc.domain)
			var owner [PortCount]int
			for j := range tc.domain.Len() / tc.n {
				share := p.Set(j*tc.n, tc.n)
				slow := new(slowSet)
				for x := range tc.domain.Slice(j*tc.n, tc.n).Ports() {
					y, ok := p.Port(x)
					if !ok {
						t.Fatalf("no image of domain port %d", x)
					}
					if owner[y] != 0 {
						t.Fatalf("port %d belongs to shares %d and %d", y, owner[y]-1, j)
					}
					owner[y] = j + 1
					slow[y] = true
				}
				compare(t, share, slow)
			}
		})
	}
}

func TestPermutationKeys(t *testing.T) {
	domain := mustSet(t, "1024-65535")
	p := mustPermutation(t, testKey, domain)
	for bit := range 128 {
		key := testKey
		key[bit/8] ^= 1 << (bit % 8)
		q, same := mustPermutation(t, key, domain), 0
		for x := range domain.Ports() {
			a, _ := p.Port(x)
			if b, _ := q.Port(x); a == b {
				same++
			}
		}
		// Two unrelated permutations agree on one port on average.
		if same > 100 {
			t.Errorf("with key bit %d flipped, %d of %d images stay", bit, same, domain.Len())
		}
	}
	q := mustPermutation(t, testKey, domain)
	for x := range domain.Ports() {
		a, _ := p.Port(x)
		if b, _ := q.Port(x); a != b {
			t.Fatalf("the same key maps %d to %d and %d", x, a, b)
		}
	}
}

func TestPermutationZero(t *testing.T) {
	p, err := NewPermutation(testKey, Set{})
	sameError(t, err, ErrEmpty, "empty port set: a permutation needs a domain")
	if p != nil {
		t.Errorf("permutation is %v, want nil", p)
	}
	var zero Permutation
	if y, ok := zero.Port(1024); ok || y != 0 {
		t.Errorf("Port(1024) = %d, %v", y, ok)
	}
	if x, ok := zero.Inverse(1024); ok || x != 0 {
		t.Errorf("Inverse(1024) = %d, %v", x, ok)
	}
	if zero.Domain().IsValid() {
		t.Errorf("Domain() = %v", zero.Domain())
	}
}
