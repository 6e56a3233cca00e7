package rulefile

// Overlap returns the first two shares of tables that have a port in common, such as those of several realms; ok is false where no
// port has two owners. Realms have outside addresses in common, and must not have ports.
func Overlap(tables ...*Table) (o *OverlapError, ok bool) {
	if len(tables) == 1 {
		return tables[0].Overlap()
	}
	all := &Table{sets: newSetTable()}
	for _, t := range tables {
		known := map[setID]setID{}
		for _, r := range t.records {
			id, ok := known[r.ports]
			if !ok {
				id = all.sets.of(t.sets.set(r.ports))
				known[r.ports] = id
			}
			r.ports = id
			all.records = append(all.records, r)
		}
	}
	return all.Overlap()
}
