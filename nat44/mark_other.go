//go:build !linux

package nat44

// mark is that of a ruleset whose maker is not known: what the kernel makes of its rules only Linux can tell.
func (rs *Ruleset) mark() string { return rs.plan.SHA256() }
