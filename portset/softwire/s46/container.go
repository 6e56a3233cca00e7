package s46

import (
	"fmt"

	"github.com/cgnkit/cgnkit/portset/softwire"
)

// MAPE is S46_CONT_MAPE (RFC 7598 section 5.1): one rule or more, one border relay or more.
type MAPE struct {
	Rules []Rule
	BRs   []BR
}

// MAPT is S46_CONT_MAPT (RFC 7598 section 5.2): one rule or more, and a default mapping rule.
type MAPT struct {
	Rules []Rule
	DMR   DMR
}

// LW is S46_CONT_LW (RFC 7598 section 5.3): at most one binding, one lwAFTR or more.
type LW struct {
	Bind *Bind
	BRs  []BR
}

// Code returns CodeMAPE.
func (MAPE) Code() Code { return CodeMAPE }

// Code returns CodeMAPT.
func (MAPT) Code() Code { return CodeMAPT }

// Code returns CodeLW.
func (LW) Code() Code { return CodeLW }

// atLeastOne says that something mandatory is missing. What is there was checked, or will be by Append.
func atLeastOne(n int, code Code) error {
	if n == 0 {
		return fmt.Errorf("%w: %v is missing (RFC 7598 section 6)", ErrContent, code)
	}
	return nil
}

func (o MAPE) check() error {
	if err := atLeastOne(len(o.Rules), CodeRule); err != nil {
		return err
	}
	return atLeastOne(len(o.BRs), CodeBR)
}

func (o MAPT) check() error {
	if err := atLeastOne(len(o.Rules), CodeRule); err != nil {
		return err
	}
	if !o.DMR.Prefix.IsValid() {
		return atLeastOne(0, CodeDMR)
	}
	return nil
}

func (o LW) check() error { return atLeastOne(len(o.BRs), CodeBR) }

func (o MAPE) appendBody(b []byte) ([]byte, error) {
	b, err := appendAll(b, o.Rules)
	if err != nil {
		return b, err
	}
	return appendAll(b, o.BRs)
}

func (o MAPT) appendBody(b []byte) ([]byte, error) {
	b, err := appendAll(b, o.Rules)
	if err != nil {
		return b, err
	}
	return Append(b, o.DMR)
}

func (o LW) appendBody(b []byte) (_ []byte, err error) {
	if o.Bind != nil {
		if b, err = Append(b, *o.Bind); err != nil {
			return b, err
		}
	}
	return appendAll(b, o.BRs)
}

// misplaced says that an option is not permitted in its container, or stands there too often.
func misplaced(o Option) error {
	return fmt.Errorf("%w: %v does not belong here, or stands twice (RFC 7598 section 6)", ErrContent, o.Code())
}

func decodeMAPE(b []byte) (Option, error) {
	var c MAPE
	err := subOptions(b, func(o Option) error {
		switch o := o.(type) {
		case Rule:
			c.Rules = append(c.Rules, o)
		case BR:
			c.BRs = append(c.BRs, o)
		default:
			return misplaced(o)
		}
		return nil
	})
	return c, err
}

func decodeMAPT(b []byte) (Option, error) {
	var c MAPT
	err := subOptions(b, func(o Option) error {
		switch o := o.(type) {
		case Rule:
			c.Rules = append(c.Rules, o)
		case DMR:
			if c.DMR.Prefix.IsValid() {
				return misplaced(o)
			}
			c.DMR = o
		default:
			return misplaced(o)
		}
		return nil
	})
	return c, err
}

func decodeLW(b []byte) (Option, error) {
	var c LW
	err := subOptions(b, func(o Option) error {
		switch o := o.(type) {
		case Bind:
			if c.Bind != nil {
				return misplaced(o)
			}
			c.Bind = &o
		case BR:
			c.BRs = append(c.BRs, o)
		default:
			return misplaced(o)
		}
		return nil
	})
	return c, err
}

// ContainerOf returns the container that provisions a domain: MAPT where it has a DMR, else MAPE. Every rule is in it; what
// one CE needs of them is the caller's to choose. The error wraps ErrContent for a domain without border relay and DMR.
func ContainerOf(d *softwire.Domain) (Option, error) {
	rules := make([]Rule, d.Len())
	for i := range rules {
		rules[i] = RuleOf(d.Rule(i))
	}
	if dmr, ok := d.DMR(); ok {
		return MAPT{rules, DMR{dmr.Prefix()}}, nil
	}
	relay, ok := d.Relay()
	if !ok {
		return nil, fmt.Errorf("%w: the domain has neither border relay nor DMR", ErrContent)
	}
	return MAPE{rules, []BR{{relay}}}, nil
}
