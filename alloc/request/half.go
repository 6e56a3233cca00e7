package request

import "strings"

// halfOf returns "am" or "pm" for a value that says nothing else, or "".
func halfOf(value string) string {
	value = strings.Trim(value, " \t\r\n\"'().")
	if len(value) > len("p. m") {
		return ""
	}
	switch half := strings.ToLower(strings.NewReplacer(".", "", " ", "").Replace(value)); half {
	case "am", "pm":
		return half
	}
	return ""
}

// placeNames are names of fields in which AM is a country or a state, and PM the police.
var placeNames = setOfWords(`uf estado state country countrycode countryname pais cc land region provincia province bundesland staat orgao agency unidade corporacao force policeforce dept department geo srcgeo dstgeo sourcegeo geoip geocc ccgeo`)

// other takes a field whose name has no role in its form.
func (it *item) other(name, value string) error {
	if r, _ := roleOf(name); r == roleHalf {
		return it.set(roleHalf, false, value)
	}
	it.field(natureOf(name), value)
	return nil
}

// lastPart returns the name of a member without the objects that it is in.
func lastPart(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// aside keeps AM or PM of a field whose name has no role, and a clock.
func (it *item) aside(place bool, value string) {
	it.beside(value)
	if len(value) <= maxName && !place && halfOf(value) != "" {
		it.half = strings.TrimSpace(value)
	}
}

// halves applies AM or PM of a field of its own to the clock beside it. Where it may be that of a clock and nothing says so, or of one of
// several, the request is refused.
func (it *item) halves(stamps ...*stamp) error {
	var clocks []*stamp
	for _, st := range stamps {
		if st != nil && st.precision > toDay && st.epoch.IsZero() {
			clocks = append(clocks, st)
		}
	}
	given, half := it.values[roleHalf], halfOf(it.values[roleHalf])
	if given != "" {
		switch {
		case len(clocks) == 0:
			return nil
		case half == "":
			return refuse(ErrTime, "%s is given for the half of the day, and is neither AM nor PM: write AM or PM behind the clock", quoted(given))
		case len(clocks) > 1:
			return refuse(ErrTime, "%s stands in a field of its own beside two clocks: write AM or PM behind each", quoted(given))
		}
		if err := clocks[0].halfBeside(half); err != nil {
			return err
		}
		clocks[0].half = true
	}
	for _, st := range clocks {
		if it.half != "" && !st.half && 1 <= st.hour && st.hour <= 12 {
			return refuse(ErrTime, "%s stands in a field of its own and could belong to the clock: write it behind the clock, or take it away if it does not", quoted(it.half))
		}
	}
	return nil
}

// halfBeside reads a clock as one of that half of the day.
func (st *stamp) halfBeside(half string) error {
	pm := half == "pm"
	switch {
	case (st.half || st.iso) && (st.hour >= 12) != pm, !pm && st.hour > 12, pm && st.hour == 0: // behind a T, a clock has 24 hours
		return refuse(ErrTime, "hour %d does not go with the %s beside it: keep the one that is right", st.hour, strings.ToUpper(half))
	case st.half || st.iso || st.hour > 12 || st.hour == 0:
		return nil
	}
	if st.hour %= 12; pm {
		st.hour += 12
	}
	return nil
}
