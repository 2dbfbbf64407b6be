package main

// european has the cultures of Europe and of languages that began there.
func european() []culture {
	return []culture{
		{
			given:  words("Alice Arthur Beatrice Clara Daniel Edith Florence George Hannah Isaac Joan Leonard Martha Nora Oliver Peter Ruth Simon Winifred"),
			family: words("Ashdown Barlow Carver Dunning Easton Fairbanks Goodwin Hartley Ingram Kettering Lockwood Marlow O'Shea/oshea Pemberton Quayle Redfern Whitlock"),
			joint:  " ", languages: []string{"en"},
			places: []place{{"Bristol", "Europe/London", "GB"}, {"Dublin", "Europe/Dublin", "IE"}, {"Portland", "America/Los_Angeles", "US"}, {"Chicago", "America/Chicago", "US"}, {"Melbourne", "Australia/Melbourne", "AU"}, {"Auckland", "Pacific/Auckland", "NZ"}},
		},
		{
			given:  words("Anke Björn/bjoern Clemens Dörte/doerte Emil Friederike Götz/goetz Heike Ingrid Jürgen/juergen Katrin Lukas Mareike Nils Oda Ruprecht Sören/soeren Uwe"),
			family: words("Ackermann Bäcker/baecker Dreßler/dressler Eichhorn Fröhlich/froehlich Grünwald/gruenwald Hollerbusch Jäger/jaeger Köster/koester Lüders/lueders Möhring/moehring Reuß/reuss Sommerfeld Weißenborn/weissenborn"),
			joint:  " ", languages: []string{"de"},
			places: []place{{"Leipzig", "Europe/Berlin", "DE"}, {"Hamburg", "Europe/Berlin", "DE"}, {"Graz", "Europe/Vienna", "AT"}, {"Bern", "Europe/Zurich", "CH"}},
		},
		{
			given:  words("Adèle/adele Benoît/benoit Céline/celine Damien Éloïse/eloise François/francois Gaëlle/gaelle Hélène/helene Jérôme/jerome Léa/lea Maël/mael Noémie/noemie Océane/oceane Rémi/remi Zoé/zoe"),
			family: words("Aubépin/aubepin Beauchêne/beauchene Chênevert/chenevert Delorme Fougère/fougere Garnier Hérault/herault Lefèvre/lefevre Montclair Noël/noel Péret/peret Rousselet Saint-Aubin/saintaubin Vasseur"),
			joint:  " ", languages: []string{"fr"},
			places: []place{{"Nantes", "Europe/Paris", "FR"}, {"Lyon", "Europe/Paris", "FR"}, {"Montréal", "America/Toronto", "CA"}, {"Dakar", "Africa/Dakar", "SN"}},
		},
		{
			given:  words("Álvaro/alvaro Belén/belen Concepción/concepcion Darío/dario Íñigo/inigo Joaquín/joaquin Lucía/lucia Martín/martin Nuria Óscar/oscar Pilar Raúl/raul Sofía/sofia Tomás/tomas Ximena"),
			family: words("Álamo/alamo Bermúdez/bermudez Castaño/castano Domínguez/dominguez Echeverría/echeverria Fuentes Ibáñez/ibanez Luján/lujan Muñoz/munoz Ordóñez/ordonez Peñalver/penalver Quiñones/quinones Valdés/valdes"),
			joint:  " ", languages: []string{"es"},
			places: []place{{"Sevilla", "Europe/Madrid", "ES"}, {"Bogotá", "America/Bogota", "CO"}, {"Ciudad de México", "America/Mexico_City", "MX"}, {"Buenos Aires", "America/Argentina/Buenos_Aires", "AR"}},
		},
		{
			given:  words("Antônio/antonio Beatriz Caetano Débora/debora Estêvão/estevao Flávia/flavia Gonçalo/goncalo Inês/ines João/joao Letícia/leticia Mônica/monica Otávio/otavio Sebastião/sebastiao Vitória/vitoria"),
			family: words("Araújo/araujo Brandão/brandao Conceição/conceicao Estrela Figueirôa/figueiroa Guimarães/guimaraes Leitão/leitao Magalhães/magalhaes Nóbrega/nobrega Queirós/queiros Simões/simoes Vilaça/vilaca"),
			joint:  " ", languages: []string{"pt-BR", "pt-BR", "pt-PT"},
			places: []place{{"São Paulo", "America/Sao_Paulo", "BR"}, {"Recife", "America/Recife", "BR"}, {"Porto", "Europe/Lisbon", "PT"}},
		},
		{
			given:  words("Agnieszka Bożena/bozena Czesław/czeslaw Elżbieta/elzbieta Grażyna/grazyna Łukasz/lukasz Małgorzata/malgorzata Paweł/pawel Stanisław/stanislaw Zdzisław/zdzislaw"),
			family: words("Brzoza Dąbek/dabek Gałązka/galazka Jabłoński/jablonski Kłos/klos Łabędź/labedz Mączyński/maczynski Śliwka/sliwka Wróbel/wrobel Źródło/zrodlo"),
			joint:  " ", languages: []string{"pl"},
			places: []place{{"Kraków", "Europe/Warsaw", "PL"}, {"Gdańsk", "Europe/Warsaw", "PL"}},
		},
		{
			given:  words("Αλέξανδρος/alexandros Βασιλική/vasiliki Γεωργία/georgia Δημήτρης/dimitris Ελένη/eleni Θανάσης/thanasis Κατερίνα/katerina Νίκος/nikos Σοφία/sofia"),
			family: words("Αγγελόπουλος/angelopoulos Βλαχάκη/vlachaki Δάφνης/dafnis Ελαιώνας/elaionas Θαλασσινού/thalassinou Καρυδάς/karydas Μελισσάς/melissas Πλατάνου/platanou"),
			joint:  " ", languages: []string{"el"},
			places: []place{{"Θεσσαλονίκη", "Europe/Athens", "GR"}},
		},
		{
			given:  words("Андрій/andrii Богдана/bohdana Василь/vasyl Ганна/hanna Катерина/kateryna Леся/lesia Микола/mykola Олена/olena Тарас/taras Юлія/yuliia"),
			family: words("Барвінок/barvinok Вишневецька/vyshnevetska Гончар/honchar Журавель/zhuravel Калина/kalyna Лебідь/lebid Мельник/melnyk Соловей/solovei Ясень/yasen"),
			joint:  " ", languages: []string{"uk"},
			places: []place{{"Львів", "Europe/Kyiv", "UA"}},
		},
		{
			given:  words("Aino Eero Hilkka Jyrki Kyllikki Mäinö/maino Päivi/paivi Tuomas Väinö/vaino"),
			family: words("Hämäläinen/hamalainen Järvelä/jarvela Kettunen Lumiala Mäkipää/makipaa Närhi/narhi Pöyhönen/poyhonen Sääksi/saaksi"),
			joint:  " ", languages: []string{"fi"},
			places: []place{{"Tampere", "Europe/Helsinki", "FI"}},
		},
	}
}
