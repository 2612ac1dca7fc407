//! Names, addresses, numbers and what else forms are filled in with, in several countries' ways.

use crate::case::{Case, escape};
use crate::dice::Dice;
use crate::prose;

const GIVEN: &[&str] = &[
    "Anna",
    "Seán",
    "Aoife",
    "D'Andre",
    "José María",
    "Zoë",
    "Jean-Luc",
    "Łukasz",
    "Øyvind",
    "Björk",
    "François",
    "Siobhán",
    "Nguyễn Thị",
    "Иван",
    "Мария",
    "Ελένη",
    "محمد",
    "فاطمة",
    "יעל",
    "अमित",
    "प्रिया",
    "太郎",
    "花子",
    "小明",
    "美玲",
    "지훈",
    "서연",
    "สมชาย",
    "Kwame",
    "Oluwaseun",
    "Ngozi",
    "Mehmet",
    "Ayşe",
    "João",
    "Conceição",
    "Mary-Ann",
    "O'Shea",
    "Bobby",
    "Drew",
    "Selecta",
    "Andy",
    "Ora",
    "Nora",
    "Union",
    "Casey",
    "Dot",
    "Cat",
    "Dig",
];
const FAMILY: &[&str] = &[
    "O'Brien",
    "O'Connor",
    "D'Angelo",
    "L'Hôpital",
    "M'Bala",
    "N'Diaye",
    "Smith",
    "Smith-Jones",
    "van der Berg",
    "de la Cruz",
    "Müller",
    "Großmann",
    "Kowalski",
    "Çelik",
    "Þórsson",
    "Иванов",
    "Петрова",
    "Παπαδόπουλος",
    "الأحمد",
    "כהן",
    "शर्मा",
    "山田",
    "佐藤",
    "王",
    "陈",
    "김",
    "박",
    "แก้วใส",
    "Null",
    "Test",
    "True",
    "Or",
    "And",
    "Select",
    "Drop",
    "Table",
    "Script",
    "Root",
    "Admin",
    "Bin",
    "Etc",
    "Orwell",
    "Anderson",
    "Union",
    "Insert",
    "Ka'ahumanu",
    "Dell'Acqua",
];
const STREETS: &[&str] = &[
    "12 Rue de l'Église",
    "Königsallee 5",
    "c/ Mayor 12, 3º B",
    "Av. Paulista, 1578 - Bela Vista",
    "1-2-3 Shibuya",
    "ul. Marszałkowska 1/2",
    "Via dell'Orso 7",
    "221B Baker Street",
    "Apt #4, 1600 Penn Ave",
    "P.O. Box 123",
    "Unit 5 & 6, Mill Lane",
    "c/o Smith; 3rd floor",
    "Flat 2/1, 14 High St.",
    "ул. Ленина, д. 5, кв. 12",
    "Οδός Ερμού 10",
    "شارع الملك فهد 15",
    "रोड नंबर 3",
    "北京市朝阳区建国路1号",
    "서울시 강남구 테헤란로 152",
    "Calle 26 # 13-49",
    "Carrera 7 No. 71-21 Torre B",
    "Strada 1 Decembrie 1918, nr. 4",
    "Nørregade 10, 2. th.",
    "Jalan Sudirman Kav. 52-53",
    "Lot 7 (rear), Old Mill Road",
    "4 ½ Elm St",
    "30/1 Moo 5",
    "Karl-Marx-Str. 12-14 / Hof 2",
    "One Union Square",
    "10 Drop Ln",
    "100 Order Way",
    "5 Or Street",
    "House of Lords",
];
const CITIES: &[&str] = &[
    "Berlin",
    "São Paulo",
    "Saint-Denis",
    "'s-Hertogenbosch",
    "Coeur d'Alene",
    "Αθήνα",
    "Москва",
    "القاهرة",
    "東京",
    "北京",
    "서울",
    "Kraków",
    "Val-d'Or",
    "Or, Israel",
    "L'Aquila",
    "Stoke-on-Trent",
    "St. John's",
    "King's Lynn",
    "Bobo-Dioulasso",
    "Nuku'alofa",
];
const COMPANIES: &[&str] = &[
    "Johnson & Johnson",
    "AT&T",
    "Barnes & Noble",
    "Procter & Gamble",
    "H&M",
    "Marks & Spencer",
    "Toys\"R\"Us",
    "Yahoo!",
    "Ben & Jerry's",
    "Lowe's",
    "Alert (Security) Ltd",
    "Drop & Go",
    "Cat & Co",
    "Select Union",
    "Müller GmbH & Co. KG",
    "7-Eleven",
    "E*TRADE",
    "Guess?",
    "M&M's",
    "50% Off; more Ltd.",
];

pub(crate) fn name(dice: &mut Dice) -> String {
    let full = format!("{} {}", dice.pick(GIVEN), dice.pick(FAMILY));
    match dice.below(6) {
        0 => format!("{}, {}", dice.pick(FAMILY), dice.pick(GIVEN)),
        1 => format!("Dr. {full} (PhD)"),
        2 => full.to_uppercase(),
        3 => format!("{full} & {}", dice.pick(GIVEN)),
        _ => full,
    }
}

fn phone(dice: &mut Dice) -> String {
    match dice.below(4) {
        0 => format!("+49 (0)30 {}", dice.below(9_999_999)),
        1 => format!("({:03}) {:03}-{:04}", 200 + dice.below(700), dice.below(999), dice.below(9999)),
        2 => format!("+34-6{:08};ext=12", dice.below(99_999_999)),
        _ => format!("0{} / {} - {}", 100 + dice.below(800), dice.below(99999), dice.below(99)),
    }
}

fn address(dice: &mut Dice) -> String {
    let (street, city) = (dice.pick(STREETS), dice.pick(CITIES));
    match dice.below(3) {
        0 => format!("{street}, {} {city}", 1000 + dice.below(98_999)),
        1 => format!("{street}\n{city}\n{}", dice.letters("ABCDEFGHJKLMNPRSTUVWXY0123456789", 6)),
        _ => street.to_owned(),
    }
}

/// Shows filled-in forms, as queries, forms and JSON, with cookies and referers of sorts.
pub(crate) fn generate(see: &mut dyn FnMut(Case)) {
    let mut dice = Dice::new(7);
    for _ in 0..20_000 {
        let fields: Vec<(&str, String)> = vec![
            ("name", name(&mut dice)),
            ("street", address(&mut dice)),
            ("company", dice.pick(COMPANIES).to_owned()),
            ("phone", phone(&mut dice)),
            ("email", prose::email(&mut dice)),
            ("password", password(&mut dice)),
            ("website", prose::address(&mut dice)),
        ];
        let chosen: Vec<_> = fields.into_iter().filter(|_| dice.chance(60)).collect();
        let pairs = chosen
            .iter()
            .map(|(name, value)| format!("{name}={}", escape(value)))
            .collect::<Vec<_>>()
            .join("&");
        let case = Case::new("forms", false, pairs.clone());
        let case = match dice.below(3) {
            0 => case.target(format!("/customers?{pairs}")),
            1 => case.body("application/x-www-form-urlencoded", pairs),
            _ => {
                let object: serde_json::Map<_, _> =
                    chosen.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
                case.body("application/json", serde_json::Value::Object(object).to_string())
            }
        };
        see(traced(case, &mut dice));
    }
}

fn password(dice: &mut Dice) -> String {
    let length = 8 + dice.below(12);
    dice.letters("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789!#%&*+-=?@_", length)
}

/// With the cookies, tokens and addresses that browsers and gateways add.
fn traced(mut case: Case, dice: &mut Dice) -> Case {
    if dice.chance(60) {
        let cookie = format!(
            "_ga=GA1.2.{}.{}; sid={}; theme=dark; consent=%7B%22ads%22%3Afalse%2C%22v%22%3A{}%7D; _fbp=fb.1.{}.{}",
            dice.below(99_999_999),
            dice.below(1_800_000_000),
            dice.token(32),
            dice.below(9),
            dice.below(1_700_000),
            dice.below(99_999_999)
        );
        case = case.header("Cookie", cookie);
    }
    if dice.chance(40) {
        case = case.header("Referer", prose::address(dice));
    }
    if dice.chance(40) {
        case = case.header(
            "Authorization",
            format!("Bearer eyJhbGciOiJIUzI1NiJ9.{}.{}", dice.token(80), dice.token(43)),
        );
    }
    if dice.chance(30) {
        case = case.header("User-Agent", dice.pick(AGENTS));
    }
    if dice.chance(30) {
        case = case
            .header("X-Request-Id", dice.uuid())
            .header("X-Forwarded-For", format!("203.0.113.{}, 10.0.0.{}", dice.below(256), dice.below(256)));
    }
    if dice.chance(20) {
        case = case
            .header("If-None-Match", format!("W/\"{}\"", dice.hex(32)))
            .header("Accept", "application/json;q=0.9, */*; q=0.1");
    }
    case
}

const AGENTS: &[&str] = &[
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Dalvik/2.1.0 (Linux; U; Android 14; SM-S918B Build/UP1A.231005.007)",
    "okhttp/4.12.0",
    "PostmanRuntime/7.42.0",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; SLCC2; .NET CLR 2.0.50727; Media Center PC 6.0)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-A536B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
    "MyApp/3.2.1 (com.example.app; build:42; iOS 17.5.1) Alamofire/5.9.1",
    "curl/8.11.0",
    "Apache-HttpClient/4.5.14 (Java/17.0.9)",
];
