package request

import (
	"slices"
	"time"
)

// otherDates are words of names of times that are not of what is asked about: of reports, letters and people.
var otherDates = setOfWords(`birth nascimento nacimiento geburtsdatum geburt geburtstag birthday dob deadline prazo plazo frist due expires expiry expiration vencimento valid gultig gueltig registered registration registro signup updated update atualizado modified changed indexed crawled
	published publication issued issue filed closed opened requested request requests pedido solicitacao solicitud anfrage oficio letter brief schreiben carta document documento assinatura signature processed imported exported inserted ingested stored
	previous response resposta antwort invoice downloaded release released ortszeit lokalzeit lokal lokale order mandado antrag written escrito geschrieben
	reporter reporting reported report reports relatorio informe bericht documented mail notice notification sent received created generated printed case ticket complaint updates local inside private internal our ours`)

// mayBeAsked reports whether a time under a name without a role may be the one that is asked about, by the words of the name.
func mayBeAsked(words []string) bool {
	isOther := func(word string) bool { return otherDates[word] }
	isTime := func(word string) bool { return isTimeRole(roles[word]) || word == "timestamp" || word == "login" }
	return !slices.ContainsFunc(words, isOther) && (!isHarmless(words) || slices.ContainsFunc(words, isTime))
}

// besideTime keeps the time in a field whose name has no role.
func (it *item) besideTime(n nature, value string) {
	if !n.moment || len(value) < len("1.1.2026") || len(value) > maxTime || isShortNumber(value) || len(stampsOf(value)) == 0 {
		return
	}
	if it.full = it.full || len(it.moments) == maxBesides; !it.full {
		it.moments = append(it.moments, value)
	}
}

// stampsOf returns what a text may mean that is nothing but a whole time, in either order of dates.
func stampsOf(text string) (stamps []stamp) {
	for _, order := range [...]DateOrder{0, DayFirst, MonthFirst} {
		if st, err := parseStamp(text, order); err == nil && (st.year != 0 || !st.epoch.IsZero()) && !slices.Contains(stamps, st) {
			stamps = append(stamps, st)
		}
	}
	return stamps
}

// ownsMoments refuses a question about a time beside which there is another one, under a name that may be that of what happened.
func (it *item) ownsMoments(from, to time.Time, asked ...*stamp) error {
	if it.flow {
		return nil // tables of flow tools say what their times are
	}
	if it.full {
		return refuse(ErrTime, "it has more times under names that are not known than are looked at: keep the one that is asked for")
	}
	for _, value := range it.moments {
		if !slices.ContainsFunc(stampsOf(value), func(st stamp) bool { return st.isAt(from, to, asked) }) {
			return refuse(ErrTime, "%s stands beside it under a name that may be that of what happened: keep the time that is asked for, or name the other one, such as report date", quoted(value))
		}
	}
	return nil
}

// isAt reports whether a time may be within an interval, or is written as its start or end is.
func (st *stamp) isAt(from, to time.Time, asked []*stamp) bool {
	if st.zoned || !st.epoch.IsZero() {
		begin, end, err := st.whole(nil)
		return err == nil && !end.Before(from) && !begin.After(to)
	}
	for _, a := range asked {
		if a == nil || !a.epoch.IsZero() {
			continue
		}
		unit := 24 * time.Hour
		switch min(st.precision, a.precision) {
		case toMinute:
			unit = time.Minute
		case toSecond:
			unit = time.Second
		}
		if st.wall().Truncate(unit).Equal(a.wall().Truncate(unit)) {
			return true
		}
	}
	return false
}
