package request

import "strings"

// places are the last parts of the names in the table of zones, which say whose time is meant: "Berlin time", "hora de Montevideo". They are
// listed so that not each word with a capital letter is asked for. Those that are words of every day, as Australia/West, are left out.
var places = setOfWords(`Abidjan Accra Adak Addis_Ababa Adelaide Aden Algiers Almaty Amman Amsterdam Anadyr Anchorage Andorra Anguilla Antananarivo Antigua
	Apia Aqtau Aqtobe Araguaina Aruba Ashgabat Ashkhabad Asmara Asmera Astrakhan Asuncion Athens Atikokan Atka Atyrau Auckland Azores
	Baghdad Bahia Bahia_Banderas Bahrain Baku Bamako Bangkok Bangui Banjul Barbados Barnaul Beirut Belem Belfast Belgrade Belize Berlin
	Bermuda Bishkek Bissau Blanc-Sablon Blantyre Boa_Vista Bogota Boise Bougainville Bratislava Brazzaville Brisbane Broken_Hill Brunei
	Brussels Bucharest Budapest Buenos_Aires Bujumbura Busingen Cairo Calcutta Cambridge_Bay Campo_Grande Canary Canberra Cancun
	Cape_Verde Caracas Casablanca Catamarca Cayenne Cayman Ceuta Chagos Chatham Chicago Chihuahua Chisinau Chita Choibalsan Chongqing
	Christmas Chungking Chuuk Ciudad_Juarez Cocos Colombo Comoro Conakry Copenhagen Coral_Harbour Cordoba Costa_Rica Coyhaique Creston
	Cuiaba Curacao Currie Dacca Dakar Damascus Danmarkshavn Dar_es_Salaam Darwin Dawson Dawson_Creek Denver Detroit Dhaka Dili Djibouti
	Dominica Douala Dubai Dublin Dushanbe Easter Edmonton Efate Eirunepe El_Aaiun El_Salvador Enderbury Ensenada Eucla Faeroe Fakaofo
	Famagusta Faroe Fiji Fort_Nelson Fort_Wayne Fortaleza Freetown Funafuti Gaborone Galapagos Gambier Gaza Gibraltar Glace_Bay Godthab
	Goose_Bay Grand_Turk Grenada Guadalcanal Guadeloupe Guam Guatemala Guayaquil Guernsey Guyana Halifax Harare Harbin Havana Hebron
	Helsinki Hermosillo Ho_Chi_Minh Hobart Hong_Kong Honolulu Hovd Indianapolis Inuvik Iqaluit Irkutsk Isle_of_Man Istanbul Jakarta
	Jamaica Jan_Mayen Jayapura Jersey Jerusalem Johannesburg Johnston Juba Jujuy Juneau Kabul Kaliningrad Kamchatka Kampala Kanton Karachi
	Kashgar Kathmandu Katmandu Kerguelen Khandyga Khartoum Kiev Kigali Kinshasa Kiritimati Kirov Knox_IN Kolkata Kosrae Kralendijk
	Krasnoyarsk Kuala_Lumpur Kuching Kuwait Kwajalein Kyiv La_Paz Lagos Libreville Lima Lindeman Lisbon Ljubljana Lome London Lord_Howe
	Los_Angeles Louisville Lower_Princes Luanda Lubumbashi Lusaka Luxembourg Macao Macau Maceio Madeira Madrid Magadan Mahe Majuro
	Makassar Malabo Maldives Malta Managua Manaus Manila Maputo Mariehamn Marigot Marquesas Martinique Maseru Matamoros Mauritius Mayotte
	Mazatlan Mbabane Melbourne Mendoza Menominee Merida Metlakatla Mexico_City Midway Minsk Miquelon Mogadishu Monaco Moncton Monrovia
	Monterrey Montevideo Montreal Montserrat Moscow Muscat Nairobi Nassau Nauru Ndjamena New_York Niamey Nicosia Nipigon Niue Nome Norfolk
	Noronha Nouakchott Noumea Novokuznetsk Novosibirsk Nuuk Ojinaga Omsk Oral Oslo Ouagadougou Pago_Pago Palau Panama Pangnirtung
	Paramaribo Paris Perth Phnom_Penh Phoenix Pitcairn Podgorica Pohnpei Ponape Pontianak Port-au-Prince Port_Moresby Port_of_Spain
	Porto-Novo Porto_Acre Porto_Velho Prague Puerto_Rico Punta_Arenas Pyongyang Qatar Qostanay Queensland Qyzylorda Rainy_River Rangoon
	Rankin_Inlet Rarotonga Recife Regina Resolute Reunion Reykjavik Riga Rio_Branco Riyadh Rome Rosario Saigon Saipan Sakhalin Samara
	Samarkand Samoa San_Marino Santa_Isabel Santarem Santiago Santo_Domingo Sao_Paulo Sao_Tome Sarajevo Saratov Scoresbysund Seoul
	Shanghai Shiprock Simferopol Singapore Sitka Skopje Sofia South_Georgia Srednekolymsk St_Barthelemy St_Helena St_Johns St_Kitts
	St_Lucia St_Thomas St_Vincent Stanley Stockholm Swift_Current Sydney Tahiti Taipei Tallinn Tarawa Tashkent Tasmania Tbilisi
	Tegucigalpa Tehran Tel_Aviv Thimbu Thimphu Thule Thunder_Bay Tijuana Timbuktu Tirane Tiraspol Tokyo Tomsk Tongatapu Toronto Tortola
	Tripoli Truk Tunis Ujung_Pandang Ulaanbaatar Ulan_Bator Ulyanovsk Urumqi Ust-Nera Uzhgorod Vaduz Vancouver Vatican Victoria Vienna
	Vientiane Vilnius Virgin Vladivostok Volgograd Wake Wallis Warsaw Whitehorse Windhoek Winnipeg Yakutat Yakutsk Yancowinna Yangon Yap
	Yekaterinburg Yellowknife Yerevan Zagreb Zaporozhye Zurich`)

// exonyms are places that the table of zones calls otherwise, or not at all, by their names in the languages of those who write, and states of Brazil with a
// time of their own.
var exonyms = func() map[string]string {
	m := map[string]string{}
	for zone, names := range map[string]string{
		"America/Porto_Velho": "Rondonia", "America/Cuiaba": "Mato_Grosso", "America/Rio_Branco": "Acre", "America/Manaus": "Amazonas", "America/Boa_Vista": "Roraima",
		"America/Sao_Paulo": "Rio_de", "America/New_York": "Nova_York Nova_Iorque Nueva_York Washington Boston Miami", "America/Los_Angeles": "San_Francisco", "America/Chicago": "Dallas Houston",
		"America/Mexico_City": "Ciudad_de", "America/Havana": "Habana", "Europe/Rome": "Roma Rom Milano Milan Mailand", "Europe/Brussels": "Bruxelles Brussel Bruselas Bruxelas Bruessel", "Europe/Vienna": "Wien Vien Viena Vienne",
		"Europe/Moscow": "Moskau Moskow Moscou Moscu Mosca", "Europe/London": "Londres Londra", "Europe/Lisbon": "Lisboa Lissabon Lisbonne Lisbona", "Europe/Berlin": "Berlim Berlino Frankfurt Munich Munchen Hamburg Bonn Koln",
		"Europe/Paris": "Parigi Lyon", "Europe/Zurich": "Zurigo Zurcher Zurch Bern Geneva Genf Geneve", "Europe/Warsaw": "Warschau Varsovia Varsovie Warszawa", "Europe/Prague": "Praga Prag Praha", "Europe/Copenhagen": "Kopenhagen Kobenhavn",
		"Europe/Athens": "Athen Atenas Atene Athenes", "Europe/Bucharest": "Bukarest Bucuresti", "Europe/Kyiv": "Kiew", "Europe/Madrid": "Barcelona", "Europe/Luxembourg": "Luxemburg", "Asia/Shanghai": "Beijing Peking Pequim Pekin Pechino",
		"Asia/Tokyo": "Tokio Toquio", "Asia/Kolkata": "Mumbai Delhi New_Delhi Bangalore", "Asia/Ho_Chi_Minh": "Hanoi", "Asia/Jerusalem": "Tel_Aviv", "Africa/Cairo": "Kairo",
	} {
		for name := range strings.FieldsSeq(names) {
			m[name] = zone
		}
	}
	return m
}()
