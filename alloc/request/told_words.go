package request

// Words of letters, as normal writes them.
//
//nolint:misspell // other languages
var (
	portWords  = setOfWords("port ports porta portas puerto puertos porte porten")
	ownPorts   = setOfWords("sourceport sourceports srcport srcports sport sports spt quellport quellports quellporte clientport")
	ownSides   = setOfWords("source src origin originating client logical nat public external translated quell origem origen logica logico logicas logicos outside")
	frontSides = setOfWords("source src originating client logical nat public external translated quell outside")
	portOfs    = setOfWords("of the de da do del der des von")
	hostNames  = setOfWords("ip ips address addresses host hosts attacker attackers endereco enderecos direccion direcciones adresse adressen angreifer atacante atacantes")

	clockNames = setOfWords("clock clocks time times timezone zone utc gmt hora horas horario horarios uhr uhrzeit zeit zeiten zeitzone")

	// salutations begin the line that names to whom a letter goes.
	salutations = setOfWords("dear hello hi hallo sehr lieber liebe guten prezado prezada prezados prezadas caro cara caros caras senhor senhora senhores ilmo exmo exma ola estimado estimada estimados estimadas senor senores buenos buenas bom boa good greetings")

	// referenceWords are what letters number.
	referenceWords = setOfWords(`case no nr nro num numero nummer number ref refs reference references referencia referencias referenz ticket file order docket oficio mandado processo proceso procedimento procedimiento inquerito expediente
		diligencia autos aktenzeichen az vorgang vorgangsnummer pedido solicitud anfrage consulta annex anexo appendix attachment anlage table tabela tabla tabelle page pagina seite section secao seccion abschnitt part parte teil item chapter caso fall law lei ley art artigo articulo paragraph lista list liste
		id code codigo boletim ocorrencia bo ip sheet planilha blatt`)

	// listedWords are what is counted as well, unless the word before says that they stand below: "the following connections".
	listedWords = setOfWords(`times timestamps connections accesses sessions events logins uses records acessos conexoes sessoes registros eventos accesos conexiones sesiones registros verbindungen zugriffe sitzungen ereignisse nutzungen ports
		attempt attack contact tentativa ataque contato versuch angriff zugriff kontakt intento contacto`)
	determiners = setOfWords("all alle todos todas following these those diese dieser folgende folgenden folgender seguintes estes esses estas essas aos dos nos os as siguientes estos esos los las each every listed last first latest letzter letzte letzten ultimo ultima")

	// ordinaryWords are of letters in which somebody asks who had an address. None of them counts anything, or is attacked.
	ordinaryWords = setOfWords(`ip ips ipv4 address addresses addr host hosts attacker attackers attacking source sources src origin user users subscriber subscribers customer customers holder holders owner owners person persons people account accounts
		port ports time timestamp date dates day days hour hours utc gmt tz zone timezone local clock moment period interval range begin start end first last seen observed recorded logged
		jan january feb february mar march apr april may jun june jul july aug august sep sept september oct october nov november dec december mon monday tue tuesday wed wednesday thu thursday fri friday sat saturday sun sunday am pm cet cest est brt
		a an the of and or for from to at in on with by as is are was were be been has have had do does did it its this that these those there which who whom whose what when whoever not no any all each every both per between during about below above
		following follow follows listed list lists attached enclosed given shown mentioned named respective corresponding relevant said
		we us our you your i me my he she they them their sir madam mr mrs ms dr colleague colleagues team dear hello hi please kindly thank thanks regards best kind sincerely greetings
		request requested require required need needed ask asked asking want would could should can will must like identify identified identifying identification identity provide provided give tell inform informed find send sent name names know used using use uses assigned allocated belong belongs belonging
		data details detail information info record records log logs logfile excerpt extract entry entries evidence table sample example copy case cases report reports abuse complaint complaints notice notices notification incident incidents investigation investigations investigating inquiry offence offense crime criminal fraud
		police department office officer court prosecutor public judge authority law enforcement legal order warrant subpoena request ref reference network networks isp provider company internet access connection login session activity traffic
		copyright infringement infringing infringed p2p bittorrent torrent file sharing works work
		made originated originating established initiated came coming comes happened occurred observed detected registered noticed received saw see began ended took place present hurry urgent urgently soon immediately fields columns format gmbh ltd inc llc ag ltda team center centre operations hosting security noc soc cert example
		whom may concern it concerns regarding concerning re subject additional also too more here hereby result results format form other others further same one two three
		bitte wir sie ihr ihre ihnen ihren ihrem ihrer uns unser unsere unseren ich mich mir er es den dem der die das des ein eine einen einem einer und oder von vom zu zum zur mit im in am an auf aus bei fur uber durch nach um wer wem wen wessen welche welcher welchem welchen wann ist sind war waren wird werden wurde wurden
		hat haben hatte hatten benotigen benotigt brauchen ersuchen ersucht bitten gebeten teilen mitteilen mit nennen benennen ermitteln ermittlung ermittlungen verfahren strafverfahren auskunft anfrage auskunftsersuchen bestandsdaten daten angaben anschlussinhaber inhaber nutzer benutzer kunde kunden anschluss teilnehmer person personen
		adresse adressen quelle herkunft zeit zeiten zeitpunkt zeitpunkte zeitpunkten uhrzeit uhrzeiten datum zeitstempel zeitraum zeitzone uhr tag tage stunde folgende folgenden folgender folgendes unten oben genannte genannten aufgefuhrte aufgefuhrten jeweils jeweilige jeweiligen anbei alle alles sehr geehrte geehrter damen herren herr frau kollegen kolleginnen hallo danke vielen dank grusse gruss freundlichen
		liste auszug tabelle protokoll zugeteilt zugewiesen genutzt benutzt verwendet dafur hierzu dazu dieser diese dieses diesem diesen polizei gericht staatsanwaltschaft fall angreifer
		por favor prezado prezados senhor senhora senhores solicito solicitamos solicita solicitar solicitados solicitadas solicitado solicitada requisito requisitamos requisitar requeremos informar informe informem fornecer identificar identificacao identifique dados dado cadastrais cadastral cadastro usuario usuarios utilizador assinante assinantes titular titulares cliente clientes
		quem usava usou utilizou utilizava utilizado utilizados utilizaram endereco enderecos ip data datas hora horas horario horarios fuso porta portas origem fonte logica logicas abaixo acima seguinte seguintes segue seguem relacionado relacionados relacionadas listado listados conforme referente referentes respectivo respectivos respectivas
		que o a os as um uma e ou de do da dos das em no na nos nas ao aos com para pelo pela pelos pelas se seu sua seus suas nosso nossa nossos este esta estes estas esse essa esses essas desse dessa deste desta qual quais foi foram era eram ser sao estao esta quando todos todas
		estado brasil sp rj mg acesso registro lista tabela anexo investigado investigada investigacao inquerito policial policia civil federal delegacia delegado ministerio publico oficio processo autos justica judicial ordem crime investigados suspeito suspeitos obrigado obrigada atenciosamente cordialmente bom boa dia tarde noite
		favor estimado estimados senor senora senores solicito solicitamos solicita solicitados solicitadas requerimos identificar identifique informar informen proporcionar facilitar datos dato usuario usuarios abonado abonados titular titulares cliente quien quienes uso usaba utilizo utilizaba direccion direcciones fecha fechas hora horas huso horario puerto puertos origen fuente
		siguiente siguientes abajo arriba continuacion adjunto adjunta adjuntos el la los las un una unos unas y o u del al en con para por su sus nuestro nuestra nuestros este esta estos estas ese esa esos esas cual cuales fue fueron era eran ser son es cuando todos todas
		acceso conexion lista tabla investigacion policia nacional juzgado fiscalia gracias saludos cordiales atentamente buenos buenas dias tardes`)
)
