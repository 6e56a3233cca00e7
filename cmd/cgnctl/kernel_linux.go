package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/nat44"
)

// kernelCommands are the commands that reach into the kernel.
func kernelCommands(e *env) []*cobra.Command {
	return []*cobra.Command{newApply(e), newVerify(e), newRemove(e), newStatus(e), newForward(e), newCheckpoint(e), newRestore(e), newEvents(e), newDemo(e)}
}

// withKernel runs fn with a connection to the kernel.
func withKernel(fn func(*nat44.Kernel) error) error {
	k, err := nat44.Open()
	if err != nil {
		return kernelFault(err)
	}
	defer k.Close()
	return kernelFault(fn(k))
}

// newWatch is newProgress for a run that prints nothing meanwhile: it shows on a terminal where stdout is one, too.
func (e *env) newWatch() progress {
	p := e.newProgress()
	if e.watched {
		p.to = e.stderr
	}
	return p
}

// watch shows how far the kernel is until end is called.
func (e *env) watch(k *nat44.Kernel) (end func()) {
	p := e.newWatch()
	k.Progress = func(what string, done, total uint64) {
		p.what = what
		p.at(done, total)
	}
	return p.done
}

// kernelFault gives errors of the kernel the hint that helps.
func kernelFault(err error) error {
	hint := ""
	var own *fault
	switch {
	case err == nil || errors.As(err, &own):
		return err
	case errors.Is(err, os.ErrPermission):
		hint = "run it as root; cgnctl render nftables needs none"
	case errors.Is(err, nat44.ErrUnsupported):
		hint = "modprobe nf_tables, or use a kernel that has it"
	case errors.Is(err, nat44.ErrBusy):
		hint = "wait until that one is through, and look at what it did with cgnctl verify"
	case errors.Is(err, nat44.ErrUnstable):
		hint = "find out who keeps changing nf_tables: nft monitor"
	case errors.Is(err, nat44.ErrConflict):
		hint = "give every address to one instance; cgnctl remove --instance NAME takes one away"
	case errors.Is(err, nat44.ErrForeign):
		hint = "nft list table shows whose it is"
	}
	return &fault{code: exitInput, msg: err.Error(), hint: hint, cause: err}
}
