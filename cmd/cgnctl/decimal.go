package main

import (
	"errors"
	"strconv"

	"github.com/spf13/pflag"
)

// A decimal is a flag that takes decimal numbers only. The flag library's own numbers read 010 as eight, which is not what
// somebody who pads a ratio with a zero means.
type decimal int

func decimalVar(f *pflag.FlagSet, p *int, name string, initial int, usage string) {
	*p = initial
	f.Var((*decimal)(p), name, usage)
	if initial == 0 {
		f.Lookup(name).DefValue = "" // 0 means "not given" for all of them
	}
}

// Set implements pflag.Value.
func (d *decimal) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil {
		return errors.New("want a decimal number")
	}
	*d = decimal(n)
	return nil
}

// Type implements pflag.Value.
func (d *decimal) Type() string { return "number" }

// String implements pflag.Value.
func (d *decimal) String() string { return strconv.Itoa(int(*d)) }
