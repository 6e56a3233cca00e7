//go:build linux

package nat44

import "fmt"

// Remove takes everything of an instance out of the kernel: its table in one transaction, its blackhole routes, and the flows
// that it translated. The error wraps ErrNotLoaded where there is nothing, ErrForeign where the table is somebody else's.
func (k *Kernel) Remove(instance Instance) (Report, error) {
	release, err := k.lock.acquire(instance)
	if err != nil {
		return Report{}, err
	}
	defer release()
	for range retries {
		report, err := k.removeOnce(instance)
		if err == nil || !isStale(err) {
			return report, err
		}
	}
	return Report{}, fmt.Errorf("remove instance %s: %w", instance, ErrUnstable)
}

func (k *Kernel) removeOnce(instance Instance) (report Report, err error) {
	st, err := k.read(instance)
	switch {
	case err != nil:
		return report, err
	case !st.exists:
		return report, fmt.Errorf("%w: there is no table ip %s", ErrNotLoaded, instance.Table())
	case !st.ours && !st.empty():
		return report, fmt.Errorf("%w: table ip %s", ErrForeign, instance.Table())
	}
	before, err := k.addressesBefore(instance, st)
	if err != nil {
		return report, err
	}
	k.nft.DelTable(tableOf(instance))
	if err := kernelFlush("delete table "+instance.Table(), k.nft.FlushWithGenID(st.generation)); err != nil {
		return report, err
	}
	report.FlowsDeleted, err = k.sock.forget(func(f flow) bool {
		return f.orig.src != f.reply.dst && contains(before.inside, f.orig.src) && contains(before.outside, f.reply.dst)
	})
	if err != nil {
		return report, err
	}
	_, report.RoutesRemoved, _, err = k.setRoutes(before.outside, nil)
	return report, err
}
