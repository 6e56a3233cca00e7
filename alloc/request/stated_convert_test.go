package request

import (
	"strings"
	"testing"
	"time"
)

// sentencesOfConversion are sentences that say how times become those of UTC, in the languages of those who write: the times are not in UTC, and no two readers
// have to agree in which zone they are.
var sentencesOfConversion = []string{
	"Please add 3 hours to get UTC.", "Convert to UTC by adding 3 hours.", "To convert to UTC add 5 hours.", "Subtract one hour for UTC.", "For UTC, subtract 1 hour.", "UTC = listed time minus 1h", "Für UTC bitte eine Stunde abziehen.",
	"add three hours for UTC", "UTC is obtained by adding 3h", "Times must be converted to UTC", "Please convert all times to UTC", "Times need to be converted to UTC.", "UTC = time + 3", "UTC = local time - 3 hours", "time + 3h = UTC", "time plus 3 = UTC",
	"Subtract 3 for GMT", "Add three hours and you get UTC", "Take the times, add 3 hours, and you have UTC", "UTC: add 180 minutes", "There are 3 hours between these times and UTC", "Times differ from UTC by 3 hours", "Deduct 1.5 hours for GMT",
	"Um UTC zu erhalten, bitte 2 Stunden abziehen", "Zeiten bitte in UTC umrechnen", "Die Zeiten müssen in UTC umgerechnet werden", "Für UTC eine Stunde addieren", "Für UTC ziehen Sie bitte zwei Stunden ab", "UTC = Zeit minus eine Stunde", "Um in UTC umzurechnen, 1 h abziehen",
	"Para UTC sumar 3 horas", "Reste una hora para obtener UTC", "Sume tres horas para UTC", "Para convertir a UTC añada 3 horas", "Las horas deben convertirse a UTC", "A las horas se les deben sumar 3 horas para tener UTC",
	"Some 3 horas para obter UTC", "Somar três horas para UTC", "Para UTC, adicionar 3 horas", "Para converter em UTC acrescente 3 horas", "Subtraia uma hora para ter UTC", "Os horários devem ser convertidos para UTC", "UTC = horário mais 3 horas",
	"Ajoutez 3 heures pour obtenir UTC", "Pour UTC, retrancher une heure", "Veuillez convertir les heures en UTC", "Les heures doivent être converties en UTC", "Il faut soustraire deux heures pour avoir UTC", "UTC = heure moins 1 h",
	"Aggiungere 3 ore per ottenere UTC", "Per UTC sottrarre un'ora", "Gli orari devono essere convertiti in UTC", "Per convertire in UTC togliere due ore", "UTC = ora meno 1 ora",
	"Add 3 hours to all times of this list.", "Please subtract one hour from the times below.", "Times aren't UTC", "Times aren’t in UTC", "Add 3 hours to get Coordinated Universal Time.", "Subtract an hour for Brasília time", "For Europe/London time subtract 1 hour",
	"Add 3 hours\nto get UTC.", "For UTC,\nsubtract 1 hour.", "Please subtract\none hour for UTC", "Subtract 3 hours. This gives UTC.", "3 horas a más para UTC", "For UTC+1 add 4 hours",
	"To obtain UTC you should take 3 hours off", "UTC equals our time less one hour", "Shift all timestamps by three hours for UTC", "Zu UTC fehlen zwei Stunden", "UTC entspricht der angegebenen Zeit minus 2 h", "Con respecto a UTC hay 3 horas de diferencia", "Décalage de 2 heures avec UTC",
	"time shown +3 -> UTC", "Please change the times to UTC", "Adjust for UTC", "Timestamps need adjustment to UTC", "Times shall be normalised to UTC", "Please bring all of it to UTC", "umstellen auf UTC", "Hay que pasarlas a UTC", "Mettre en UTC", "add 3:00 for UTC", "Add 0300 for UTC", "the times are +3 UTC",
}

// noConversions state UTC, though there are hours or words about them in the sentence.
var noConversions = []string{
	"All times are UTC, 24h", "Times in UTC (24 hour clock)", "All times have been converted to UTC.", "Times were converted to Coordinated Universal Time", "We convert all times to UTC.", "Alle Zeiten wurden in UTC umgerechnet", "Los horarios fueron convertidos a UTC",
	"Times are UTC, clock skew below 1 minute.", "Times are UTC, clock skew +/- 1 minute", "Timestamps are UTC, maximum clock drift 2 minutes.", "Times are UTC, clock drift below 5 minutes.",
	"Times are UTC with a possible offset of 2 minutes", "Alle Zeiten UTC, Versatz höchstens 2 Minuten", "Hora UTC, diferencia de 1 minuto como máximo",
	"Please answer within 3 hours, all times are UTC.", "The attack lasted 3 hours (all times UTC)", "A hora está em UTC", "todas as horas em UTC", "Times are UTC, please answer in 48 hours", "All times are UTC and the log covers the last 12 hours",
	"Please add the case number to your answer. All times are UTC.", "Horas en UTC, formato 24 horas", "Incident of 10 January, 14h UTC", "às 14 horas UTC", "Les heures sont en UTC", "Le ore sono in UTC", "UTC", "All times refer to UTC", "Times are relative to UTC", "All clocks are synchronized to UTC", "Timestamps are set to UTC", "Times were normalized to UTC",
}

// TestConversions checks that what a text says about converting its times is never taken for the zone that comes of it.
func TestConversions(t *testing.T) {
	for _, note := range sentencesOfConversion {
		for _, zone := range []string{"UTC", "Asia/Kathmandu", "America/Sao_Paulo", "Europe/London", "Atlantic/Azores"} {
			for form, text := range inAllForms(t, note) {
				if form != "a letter" && form != "behind" && form != "a mail" && strings.Contains(note, "\n") {
					continue
				}
				if got := askedTwice(t, text, Options{Zone: location(t, zone), Zones: time.LoadLocation}); strings.Contains(got, "198.18.0.0:6000 at ") || !strings.Contains(got, "ambiguous time zone") {
					t.Errorf("%q, %s, with --tz %s: %s", note, form, zone, got)
				}
			}
		}
	}
	for _, note := range noConversions {
		for form, text := range inAllForms(t, note) {
			if got := askedTwice(t, text, Options{Zone: time.UTC, Zones: time.LoadLocation}); !strings.Contains(got, "198.18.0.0:6000 at ") {
				t.Errorf("%q, %s: %s", note, form, got)
			}
			if got := askedTwice(t, text, Options{Zone: location(t, "Asia/Kathmandu"), Zones: time.LoadLocation}); strings.Contains(got, "198.18.0.0:6000 at ") {
				t.Errorf("%q, %s, in Kathmandu: %s", note, form, got)
			}
		}
	}
}
