//go:build linux

package nat44

import "fmt"

// Remove takes everything of an instance out of the kernel: its table in one transaction, its blackhole routes, and the flows
// that it translated. Where somebody deleted the table, routes and flows are what is left to take. The error wraps ErrNotLoaded where there is nothing, ErrForeign where the table is somebody else's.
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
	if err != nil {
		return report, err
	}
	if st.exists && !st.ours {
		return report, fmt.Errorf("%w: table ip %s", ErrForeign, instance.Table())
	}
	former, err := k.formerOutside(instance, st)
	if err != nil {
		return report, err
	}
	if !st.exists && len(former) == 0 {
		return report, fmt.Errorf("%w: there is no table ip %s", ErrNotLoaded, instance.Table())
	}
	if st.exists {
		k.nft.DelTable(tableOf(instance))
		if err := kernelFlush("delete table "+instance.Table(), k.nft.FlushWithGenID(st.generation)); err != nil {
			return report, err
		}
	}
	report.FlowsDeleted, err = k.sock.forget(func(f flow) bool {
		return f.zone == 0 && f.orig.src != f.reply.dst && contains(former, f.reply.dst)
	})
	if err != nil {
		return report, err
	}
	routes, err := k.setRoutes(instance, nil)
	report.RoutesRemoved = routes.removed
	return report, err
}
