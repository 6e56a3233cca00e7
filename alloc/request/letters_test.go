package request

import (
	"strings"
	"testing"
)

// Letters as abuse desks and police departments send them. {r} stands for the rows.
//
//nolint:misspell // other languages
var (
	// lettersOfColumns say that the number in a row is the port of the source.
	lettersOfColumns = []string{
		"Dear Abuse Team,\n\nwe are the security team of Example Hosting. We detected the following login attempts from your network against our servers (IP, source port, time in UTC):\n\n{r}\nKind regards,\nJohn Doe\nExample Hosting GmbH\n",
		"Hello,\n\nour systems detected brute force attacks originating from your network. Please find the source IP, source port and timestamp (UTC) below:\n\n{r}\nPlease take appropriate action.\n\nBest regards\nAbuse Desk\n",
		"To whom it may concern,\n\nPursuant to section 2703 we request subscriber information for the following IP addresses. Each line has the IP address, the source port and the date and time in UTC.\n\n{r}\nThank you,\nDetective Jane Roe\n",
		"Dear Sir or Madam,\n\nthe list below shows the source address, the source port and the time (UTC) of each connection.\n\n{r}\nYours faithfully\n",
		"Dear Colleagues,\n\nThis is an automated report. We have seen port scans from your customers. Source port is given behind the address:\n\n{r}",
		"Hi,\n\nplease identify the subscriber who used these addresses.\nIP, source port, time (UTC):\n\n{r}\n-- \nAbuse Team\nTel: +49 30 1234\n",
		"Dear provider,\n\nour customer received threats by mail. The sender used the following IP addresses and source ports at the given times (all times UTC):\n\n{r}\nRegards\n",
		"Sehr geehrte Damen und Herren,\n\nim Rahmen eines Ermittlungsverfahrens wegen Betruges bitten wir um Mitteilung der Bestandsdaten zu folgenden IP-Adressen (IP-Adresse, Quellport, Zeitpunkt in UTC):\n\n{r}\nMit freundlichen Grüßen\nMustermann, KHK\n",
		"Guten Tag,\n\nvon Ihrem Netz aus wurden unsere Server angegriffen. Nachfolgend IP-Adresse, Quellport und Zeit (UTC):\n\n{r}\nMit freundlichen Grüßen\nIhr Abuse-Team\n",
		"Hallo,\n\nwir haben folgende Zugriffe festgestellt. Angegeben sind Quell-IP, Quellport und Uhrzeit (UTC).\n\n{r}\nViele Grüße\n",
		"Sehr geehrte Damen und Herren,\n\ngemäß § 100j StPO ersuche ich um Auskunft zu den Anschlussinhabern. Die Zeilen nennen IP-Adresse, Quellport und Zeitpunkt (UTC):\n\n{r}",
		"Prezados Senhores,\n\ncumprimentando-os, solicito a identificação dos usuários dos endereços IP abaixo, com porta de origem e horário em UTC:\n\n{r}\nAtenciosamente,\nDelegado Fulano\n",
		"Prezados,\n\nem cumprimento à ordem judicial, requisitamos os dados cadastrais dos usuários dos seguintes IPs (IP, porta lógica de origem, data e hora UTC):\n\n{r}\nAtenciosamente\n",
		"Prezada equipe,\n\ndetectamos ataques vindos da sua rede contra nossos servidores. Seguem IP, porta de origem e hora (UTC):\n\n{r}\nObrigado\n",
		"Bom dia,\n\na relação abaixo traz o endereço IP, a porta de origem e o horário (UTC) das conexões.\n\n{r}",
		"Estimados señores:\n\nen el marco de la investigación solicitamos los datos de los titulares de las siguientes direcciones IP (IP, puerto de origen, fecha y hora UTC):\n\n{r}\nAtentamente\n",
		"Estimado equipo de abuso,\n\nhemos detectado intentos de acceso desde su red. A continuación la IP, el puerto de origen y la hora (UTC):\n\n{r}\nSaludos\n",
		"Buenos días,\n\nla lista tiene la dirección IP, el puerto de origen y la hora UTC.\n\n{r}\nGracias\n",
		"Madame, Monsieur,\n\nnous avons détecté des attaques provenant de votre réseau. Voici l'adresse IP, le port source et l'heure (UTC) :\n\n{r}\nCordialement\n",
		"Bonjour,\n\nmerci de nous communiquer l'identité des abonnés qui ont utilisé les adresses suivantes (adresse IP, port source, date et heure UTC) :\n\n{r}\nCordialement,\nL'équipe abuse\n",
		"Madame, Monsieur,\n\ndans le cadre d'une enquête, veuillez identifier les titulaires. Chaque ligne contient l'adresse IP, le port source et la date (UTC).\n\n{r}",
		"Gentili Signori,\n\nabbiamo rilevato attacchi provenienti dalla vostra rete. Di seguito indirizzo IP, porta di origine e ora (UTC):\n\n{r}\nCordiali saluti\n",
		"Spett.le provider,\n\nsi richiede di identificare gli intestatari dei seguenti indirizzi (indirizzo IP, porta sorgente, data e ora UTC):\n\n{r}\nDistinti saluti\n",
	}
	// lettersOfEndpoints have rows with 198.18.0.0:6000.
	lettersOfEndpoints = []string{
		"Dear Abuse Team,\n\nwe detected SSH brute force attacks from your network against our honeypot on port 22:\n\n{r}\nKind regards,\nJohn Doe\n",
		"Hello,\n\nyour customer scanned our network. Log excerpt (source IP:source port, UTC):\n\n{r}\nRegards\n",
		"Dear Sir or Madam,\n\nPlease preserve and disclose the records of the users of:\n\n{r}\nThank you\n",
		"Sehr geehrte Damen und Herren,\n\nbitte teilen Sie uns die Bestandsdaten mit:\n\n{r}\nMit freundlichen Grüßen\n",
		"Guten Tag,\n\nunser Honeypot hat Angriffe auf Port 22 gesehen:\n\n{r}\nViele Grüße\n",
		"Prezados,\n\nnossos sistemas detectaram tentativas de invasão (SSH, porta 22) vindas de:\n\n{r}\nAtenciosamente\n",
		"Prezados Senhores,\n\nsolicito os dados cadastrais do usuário do IP e porta abaixo:\n\n{r}\n",
		"Estimados,\n\nhemos recibido ataques al puerto 22 desde las siguientes direcciones:\n\n{r}\nSaludos\n",
		"Bonjour,\n\nnotre serveur a subi des attaques par force brute sur le port 22 :\n\n{r}\nCordialement\n",
		"Buongiorno,\n\nil nostro server ha subito attacchi alla porta 22 da:\n\n{r}\nSaluti\n",
		"Dear all,\n\n* 198.18.0.0:6000 2026-02-01T05:30:00Z\n* 198.18.0.7:7000 2026-02-01T05:31:00Z\nRegards\n",
	}
	// ordinaryLetters have rows with a number, of which they say nothing that it could be but the port of the source.
	ordinaryLetters = []string{
		"Dear Sir or Madam,\n\nplease identify the subscribers who used the following addresses and ports at the given times (all times UTC):\n\n{r}\nRegards\n",
		"Hello,\n\nin the context of an investigation we kindly ask you to provide the subscriber details for:\n\n{r}\nThanks\n",
		"Sehr geehrte Damen und Herren,\n\nim Rahmen eines Ermittlungsverfahrens bitten wir um Mitteilung, wem die folgenden Adressen zugewiesen waren:\n\n{r}",
		"Prezados,\n\nem cumprimento à decisão judicial, solicito a identificação dos usuários da relação abaixo:\n\n{r}",
		"Estimados señores,\n\nen el marco de la investigación, por medio de la presente solicitamos los datos de:\n\n{r}",
		"Madame, Monsieur,\n\ndans le cadre d'une enquête, veuillez nous communiquer l'identité des abonnés suivants :\n\n{r}\nCordialement\n",
		"Gentili Signori,\n\nsi prega di identificare gli utenti dei seguenti indirizzi:\n\n{r}\nCordiali saluti\n",
	}
)

// TestLetters reads these letters, as files and as mails.
func TestLetters(t *testing.T) {
	const numbers = "198.18.0.0 6000 2026-02-01T05:30:00Z\n198.18.0.7 7000 2026-02-01T05:31:00Z\n"
	endpoints := strings.NewReplacer("0 6000", "0:6000", "7 7000", "7:7000").Replace(numbers)
	for rows, letters := range map[string][]string{numbers: append(lettersOfColumns, ordinaryLetters...), endpoints: lettersOfEndpoints} {
		for _, letter := range letters {
			text := strings.ReplaceAll(letter, "{r}", rows)
			for _, front := range []string{"", "From: officer@cert.example\nTo: abuse@isp.example\nSubject: Report 123\nContent-Type: text/plain; charset=utf-8\n\n"} {
				if !isPortAsked(t, front+text, 6000) || !isPortAsked(t, front+text, 7000) {
					t.Errorf("%q is refused", front+text)
				}
			}
		}
	}
}
