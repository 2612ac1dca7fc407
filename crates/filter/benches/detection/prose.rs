//! What people write: words, sentences, paragraphs, searches and addresses, in several languages and scripts.

use crate::case::{Case, escape};
use crate::dice::Dice;

/// Sentences about anything, with the punctuation and the words that filters stumble over.
const SENTENCES: &[&str] = &[
    "Please select a date from the list and drop us a line.",
    "It's 5 o'clock; where's the cat?",
    "I can't print the file. What should I do?",
    "Use either salt or pepper - or both!",
    "The European Union and its members met on 3 May.",
    "Don't forget to update your settings, and delete the old ones.",
    "He said \"yes\" -- then left.",
    "Order by phone or online: 24/7.",
    "The script for act 2 isn't ready (yet).",
    "Prices: $5-$10 & free shipping.",
    "My table is where the window is; insert the key and turn left.",
    "Rock 'n' roll isn't dead; it's 1 = 1 obvious!",
    "Is 2 < 3 and 5 > 4? Yes.",
    "Contact: a@b.example; see also #42.",
    "The alert (level 2) was confirmed by the prompt reply of our staff.",
    "Having a great time, like always.",
    "We sleep (8 hours) and eat.",
    "Group by group, they came in order.",
    "Can I exec a plan? Sure, let's run it.",
    "From: Anna / To: Bob / Re: lunch?",
    "50% off on all items | today only!",
    "To be, or not to be: that is the question.",
    "Load the image, then click on start; on error = call support.",
    "The function of the heart is to pump blood.",
    "Where did the union workers go? They're on strike since '94.",
    "In the 90's, we'd all 'surf' the web...",
    "Her husband's brother's wife; and so on.",
    "Union select committees are appointed by members.",
    "You & me || us?",
    "Version 1.2.3 -> 2.0 (see changelog).",
    "If x = 5 and y = 6 then x + y = 11.",
    "Step 1: open the door. Step 2: close it; etc.",
    "I've got 3 cats & 2 dogs; who else?",
    "Wait... what?! No way!!",
    "A/B testing, and/or other tests w/ users.",
    "\"Quoted\" and 'single quoted' text, `code` too.",
    "The path C:\\Users\\Anna\\Documents is full.",
    "Run `npm install` and then `npm start`.",
    "See https://example.com/docs?a=1&b=2#top for more.",
    "Meet me @ 7pm; bring $20 (cash).",
    "Math: f(x) = x^2 + 2*x - 1, x >= 0",
    "List<String> names = ...; isn't that Java?",
    "She wrote: 'or maybe not' and left it at that.",
    "Temperature: -5°C; wind: 10 km/h; humidity > 80%",
    "Create an account or sign in to view the table.",
    "Drop table reservations by noon, please.",
    "Delete from favourites? Yes/No",
    "Let's truncate the tree; then execute plan B.",
    "What's up? Nothing; and you?",
    "The 'best' -- really -- of 2025!",
    "1) one; 2) two; 3) three",
    "Tom's; Dick's and Harry's",
    "O'Neill's or O'Reilly's?",
    "She's like \"what?\" and I'm like 'ok'",
    "Is null island real? True or false = unknown",
    "He has 1 or 2 left; I have 3 and 4.",
    "Note: the system (Windows) needs a reboot; id: 42",
    "ping me later, or curl up with a book",
    "Cut & paste, find & replace, copy & sort.",
    // Other languages and scripts.
    "L'été dernier, j'ai vu l'océan ; c'était génial !",
    "Qu'est-ce que c'est ? C'est l'heure d'aller à l'école.",
    "Ich hätte gern zwei Brötchen & einen Kaffee; danke!",
    "Die \"große\" Prüfung – oder nicht? Straße 5.",
    "¿Dónde está la unión? ¡Aquí mismo!",
    "El niño seleccionó 3 o 4 opciones; después se fue.",
    "Dell'altro mondo: l'uomo e l'acqua.",
    "Não sei, ou talvez; será que é 1=1?",
    "Ve a 's avonds, 's morgens en 's middags.",
    "Zażółć gęślą jaźń; a potem idź.",
    "Привет, как дела? Всё хорошо; спасибо!",
    "Объединённый союз — это \"да\" или 'нет'?",
    "Γειά σου· τι κάνεις; Καλά, ευχαριστώ.",
    "مرحبا، كيف حالك؟ أنا بخير؛ شكرا.",
    "שלום, מה שלומך? הכל בסדר; תודה.",
    "नमस्ते, आप कैसे हैं? ठीक हूँ।",
    "今日はいい天気ですね。「はい」、そうです。",
    "你好，世界！这是一个测试；谢谢（再见）。",
    "안녕하세요? 반갑습니다; 네.",
    "สวัสดีครับ วันนี้อากาศดี",
    "Xin chào, tôi là người Việt Nam; cảm ơn!",
    "Türkçe'de 've' ile 'veya' arasındaki fark; İstanbul'da.",
    "Það er gott að búa á Íslandi, eða hvað?",
    "A 'hajó' és a tenger; vagy mégsem?",
    "Să fie sau să nu fie: întrebarea asta-i.",
    "Emoji: 😀 👍🏽 & ❤️; ok?",
    "…and—so—on ‘quoted’ “text”",
    "ﬁne ﬂoors ½ ¾ № ™ ©",
    "Ｆｕｌｌ　ｗｉｄｔｈ",
];
const WORDS: &[&str] = &[
    "select",
    "union",
    "order",
    "table",
    "script",
    "alert",
    "drop",
    "insert",
    "update",
    "delete",
    "where",
    "from",
    "group",
    "having",
    "like",
    "sleep",
    "cat",
    "id",
    "find",
    "sort",
    "test",
    "root",
    "admin",
    "user",
    "password",
    "etc",
    "bin",
    "windows",
    "system",
    "config",
    "file",
    "image",
    "null",
    "true",
    "false",
    "shoes",
    "summer",
    "Berlin",
    "café",
    "naïve",
    "straße",
    "москва",
    "東京",
    "서울",
    "القاهرة",
    "phone",
    "iphone 15",
    "usb-c",
    "4k tv",
    "t-shirt",
    "50%",
    "a&b",
    "c++",
    "c#",
    ".net",
    "node.js",
    "at&t",
    "o'neill",
    "3/4\"",
    "1 or 2",
    "x and y",
    "size=m",
    "red;blue",
    "or",
    "and",
    "not",
    "exec",
    "eval",
    "print",
    "echo",
    "ping",
    "curl",
    "wget",
    "python",
    "bash",
    "linux",
];
const DOMAINS: &[&str] = &[
    "example.com",
    "shop.example.org",
    "müller.example",
    "news.example.co.uk",
    "api.example.io",
    "xn--mller-kva.example",
    "foo-bar.example.net",
];

pub(crate) fn words(dice: &mut Dice, most: usize) -> String {
    (0..=dice.below(most)).map(|_| dice.pick(WORDS)).collect::<Vec<_>>().join(" ")
}

pub(crate) fn sentence(dice: &mut Dice) -> String {
    let first = dice.pick(SENTENCES);
    // Halves of sentences put together make punctuation nobody planned.
    if dice.chance(30) {
        let second = dice.pick(SENTENCES);
        let half = |text: &str, from: bool| {
            let words: Vec<&str> = text.split(' ').collect();
            let middle = words.len() / 2;
            if from { words[middle..].join(" ") } else { words[..middle].join(" ") }
        };
        return format!("{} {}", half(first, false), half(second, true));
    }
    first.to_owned()
}

pub(crate) fn paragraph(dice: &mut Dice) -> String {
    let separator = dice.pick(&[" ", "\n", "\n\n", " "]);
    (0..=dice.below(6)).map(|_| sentence(dice)).collect::<Vec<_>>().join(separator)
}

pub(crate) fn email(dice: &mut Dice) -> String {
    let person =
        dice.pick(&["anna", "o'brien", "j.doe", "first.last+tag", "user_name", "info", "select-team", "x"]);
    format!("{person}{}@{}", dice.below(100), dice.pick(DOMAINS))
}

pub(crate) fn address(dice: &mut Dice) -> String {
    let host = dice.pick(DOMAINS);
    match dice.below(8) {
        0 => format!("https://{host}/"),
        1 => format!(
            "https://{host}/search?q={}&page={}&utm_source=mail",
            escape(&words(dice, 4)),
            dice.below(10)
        ),
        2 => format!("http://{host}/a/b/{}.html#section-{}", dice.hex(8), dice.below(9)),
        3 => format!("https://cdn.{host}/img/{}.png?w=200&h=100", dice.token(12)),
        4 => format!("https://{host}/callback?code={}&state={}", dice.token(24), dice.token(16)),
        5 => format!(
            "https://www.google.com/search?q={}&oq={}&aqs=chrome..69i57j0i512l9&sourceid=chrome",
            escape(&words(dice, 4)),
            escape(&words(dice, 2))
        ),
        6 => format!(
            "https://{host}/wiki/{}_({})",
            dice.pick(WORDS).replace(' ', "_"),
            dice.pick(WORDS).replace(' ', "_")
        ),
        _ => format!("https://{host}/redirect?url={}", escape(&format!("https://{host}/x?y=1"))),
    }
}

/// Shows searches, comments and messages.
pub(crate) fn generate(see: &mut dyn FnMut(Case)) {
    let mut dice = Dice::new(11);
    for _ in 0..12_000 {
        let text = if dice.chance(50) { words(&mut dice, 5) } else { sentence(&mut dice) };
        see(Case::new("searches", false, text.clone())
            .target(format!("/search?q={}&page=2", escape(&text)))
            .header("Referer", address(&mut dice)));
    }
    for _ in 0..20_000 {
        let text = paragraph(&mut dice);
        let case = Case::new("prose", false, text.clone());
        see(match dice.below(3) {
            0 => case.body("application/json", serde_json::json!({"title": sentence(&mut dice), "message": text, "tags": [words(&mut dice, 2), "x"], "author": email(&mut dice)}).to_string()),
            1 => case.body("application/x-www-form-urlencoded", format!("subject={}&message={}&x=1", escape(&words(&mut dice, 4)), escape(&text))),
            _ => {
                let part = |name: &str, value: &str| format!("--XyZ\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
                let file = format!("--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{} (1).pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF-1.7 x\r\n", words(&mut dice, 3).replace('"', ""));
                case.body("multipart/form-data; boundary=XyZ", format!("{}{}{file}--XyZ--\r\n", part("text", &text), part("lang", "en")))
            }
        });
    }
}
