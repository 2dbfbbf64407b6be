package main

// worldwide has the cultures of Africa and Asia.
func worldwide() []culture {
	return []culture{
		{
			given:  words("أحمد/ahmad إيمان/iman بسمة/basma جمال/jamal حنان/hanan خالد/khalid رانيا/rania سامي/sami طارق/tariq ليلى/layla مريم/maryam نور/nour ياسر/yasser"),
			family: words("البستاني/albustani التميمي/altamimi الحداد/alhaddad الخياط/alkhayyat الزهراوي/alzahrawi الشامي/alshami الصباغ/alsabbagh العطار/alattar النجار/alnajjar الوراق/alwarraq"),
			joint:  " ", languages: []string{"ar"},
			places: []place{{"القاهرة", "Africa/Cairo", "EG"}, {"الدار البيضاء", "Africa/Casablanca", "MA"}, {"عمّان", "Asia/Amman", "JO"}, {"دبي", "Asia/Dubai", "AE"}},
		},
		{
			given:       words("明美/akemi 千尋/chihiro 大輔/daisuke 恵美/emi 春香/haruka 一郎/ichiro 健太/kenta 美咲/misaki 直樹/naoki 涼子/ryoko 翔太/shota 由紀/yuki"),
			family:      words("青木/aoki 千葉/chiba 藤田/fujita 原/hara 石川/ishikawa 木村/kimura 松本/matsumoto 野口/noguchi 大野/ono 高橋/takahashi 上田/ueda 山本/yamamoto"),
			familyFirst: true, joint: " ", languages: []string{"ja"},
			places: []place{{"京都", "Asia/Tokyo", "JP"}, {"札幌", "Asia/Tokyo", "JP"}},
		},
		{
			given:       words("晨曦/chenxi 海燕/haiyan 建国/jianguo 丽华/lihua 明远/mingyuan 秋月/qiuyue 思雨/siyu 文博/wenbo 晓东/xiaodong 子涵/zihan"),
			family:      words("陈/chen 高/gao 黄/huang 林/lin 欧阳/ouyang 宋/song 吴/wu 许/xu 杨/yang 周/zhou"),
			familyFirst: true, languages: []string{"zh-Hans"},
			places: []place{{"成都", "Asia/Shanghai", "CN"}, {"新加坡", "Asia/Singapore", "SG"}},
		},
		{
			given:       words("다은/daeun 하준/hajun 지우/jiwoo 경민/kyungmin 민서/minseo 서연/seoyeon 태현/taehyun 유진/yujin"),
			family:      words("강/kang 김/kim 문/moon 박/park 서/seo 윤/yoon 장/jang 한/han"),
			familyFirst: true, languages: []string{"ko"},
			places: []place{{"부산", "Asia/Seoul", "KR"}},
		},
		{
			given:  words("आरव/aarav अनन्या/ananya दीपिका/deepika गौरव/gaurav ईशा/isha कबीर/kabir मीरा/meera प्रिया/priya रोहन/rohan सावित्री/savitri"),
			family: words("अग्रवाल/agarwal चौहान/chauhan देसाई/desai गुप्ता/gupta जोशी/joshi कुलकर्णी/kulkarni मिश्रा/mishra पटेल/patel शर्मा/sharma"),
			joint:  " ", languages: []string{"hi", "en"},
			places: []place{{"पुणे", "Asia/Kolkata", "IN"}, {"जयपुर", "Asia/Kolkata", "IN"}},
		},
		{
			given:  words("Ayşe/ayse Burak Çağla/cagla Doğan/dogan Emre Gülşen/gulsen İpek/ipek Kıvanç/kivanc Özlem/ozlem Şükrü/sukru Ümit/umit"),
			family: words("Akçay/akcay Bahçıvan/bahcivan Çınar/cinar Doğruöz/dogruoz Gökmen/gokmen Işık/isik Kırmızı/kirmizi Öztürk/ozturk Yıldırım/yildirim"),
			joint:  " ", languages: []string{"tr"},
			places: []place{{"İzmir", "Europe/Istanbul", "TR"}},
		},
		{
			given:       words("Ánh/anh Bảo/bao Cường/cuong Đức/duc Hạnh/hanh Khánh/khanh Lệ_Thu/lethu Ngọc/ngoc Phương/phuong Thảo/thao"),
			family:      words("Bùi/bui Đặng/dang Đỗ/do Hoàng/hoang Lê/le Nguyễn/nguyen Phạm/pham Trần/tran Vũ/vu"),
			familyFirst: true, joint: " ", languages: []string{"vi"},
			places: []place{{"Huế", "Asia/Ho_Chi_Minh", "VN"}},
		},
		{
			given:  words("Adébáyọ̀/adebayo Bọ́sẹ̀dé/bosede Chidinma Ẹniọlá/eniola Fọlákẹ́/folake Ìfẹ́olúwa/ifeoluwa Kẹ́hìndé/kehinde Ngozi Olúwaṣeun/oluwaseun Títílayọ̀/titilayo"),
			family: words("Adéyẹmí/adeyemi Akíntọ́lá/akintola Balógun/balogun Eze Fálànà/falana Nwosu Ògúnlẹ́yẹ/ogunleye Okafor Ṣówándé/sowande"),
			joint:  " ", languages: []string{"en"},
			places: []place{{"Lagos", "Africa/Lagos", "NG"}, {"Nairobi", "Africa/Nairobi", "KE"}},
		},
	}
}
