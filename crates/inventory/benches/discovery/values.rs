//! Values of path parameters as services use them: numbers, UUIDs, tokens, slugs, plain words, codes.
//!
//! Each parameter of a document has one style, drawn from its name unless the document says; values come from a pool
//! of the style in which some are asked for more often than others, as ids are.

use serde_json::Value;

use crate::draw::Draw;

/// Values of one parameter that exist.
const POOL: usize = 200;
const ALNUM: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const CROCKFORD: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Names of people, teams and things; some are also names of resources, as in life.
pub(crate) const WORDS: &[&str] = &[
    "amber", "anna", "apollo", "atlas", "aurora", "bella", "berlin", "billing", "blue", "bravo", "carla",
    "castle", "cedar", "clara", "cobalt", "comet", "coral", "crane", "daily", "delta", "diego", "dune",
    "eagle", "echo", "ember", "emma", "engine", "events", "falcon", "fern", "finch", "flint", "forest",
    "fox", "frank", "galaxy", "gemma", "ginger", "grace", "granite", "hannah", "harbor", "hazel", "heron",
    "hugo", "indigo", "iris", "ivan", "ivy", "jade", "jasper", "jonas", "juniper", "karim", "kestrel",
    "kiwi", "lagoon", "lark", "laura", "lemon", "lily", "linden", "lotus", "luca", "lynx", "magnet", "maple",
    "marble", "marco", "meadow", "mercury", "mira", "mobile", "nadia", "nebula", "nina", "noah", "north",
    "nova", "oasis", "olga", "olive", "onyx", "opal", "orders", "orion", "oscar", "otter", "paula", "pearl",
    "peter", "phoenix", "pine", "platform", "plum", "prism", "quartz", "quill", "raven", "reports", "river",
    "robin", "ruby", "sage", "samir", "sara", "saturn", "shadow", "silver", "sofia", "spruce", "stella",
    "storm", "summit", "sunny", "tara", "teal", "thomas", "tiger", "timber", "topaz", "tulip", "umbra",
    "vega", "velvet", "vera", "violet", "walnut", "willow", "winter", "yara", "zenith",
];
const CODES: &[&str] = &["DE", "FR", "GB", "US", "IT", "ES", "PT", "NL", "SE", "NO", "PL", "JP", "BR", "IN"];
const LOCALES: &[&str] = &["en", "de", "en-US", "pt-BR", "fr-FR", "es-ES", "it", "ja-JP"];

/// How values of a parameter are written.
#[derive(Clone, Copy, Debug)]
enum Style {
    Number,
    Uuid,
    Hash,
    Ulid,
    Prefixed,
    Token,
    Slug,
    Word,
    Code,
    Locale,
    Date,
    Email,
    File,
}

/// Draws a value of the parameter `name` with this schema.
pub(crate) fn value(document: &str, name: &str, schema: &Value, draw: &mut Draw) -> String {
    if let Some(allowed) = schema["enum"].as_array().filter(|allowed| !allowed.is_empty()) {
        let one = draw.pick(allowed);
        return one.as_str().map_or_else(|| one.to_string(), str::to_owned);
    }
    let style = style(document, name, schema);
    // Squared: the first of the pool are asked for more often.
    let at = (draw.below(POOL) * draw.below(POOL)) / POOL;
    write(style, &mut Draw::named(at as u64, &format!("{document}/{name}")))
}

fn style(document: &str, name: &str, schema: &Value) -> Style {
    let (kind, format) = (schema["type"].as_str().unwrap_or(""), schema["format"].as_str().unwrap_or(""));
    let lower = name.to_ascii_lowercase();
    match (kind, format) {
        ("integer" | "number", _) | (_, "int32" | "int64") => return Style::Number,
        (_, "uuid") => return Style::Uuid,
        (_, "date" | "date-time") => return Style::Date,
        (_, "email") => return Style::Email,
        _ => {}
    }
    let told: &[(&str, Style)] = &[
        ("uuid", Style::Uuid),
        ("guid", Style::Uuid),
        ("email", Style::Email),
        ("date", Style::Date),
        ("year", Style::Number),
        ("locale", Style::Locale),
        ("lang", Style::Locale),
        ("country", Style::Code),
        ("currency", Style::Code),
        ("slug", Style::Slug),
        ("hash", Style::Hash),
        ("sha", Style::Hash),
        ("token", Style::Token),
        ("file", Style::File),
        ("user", Style::Word),
        ("name", Style::Word),
        ("owner", Style::Word),
    ];
    if let Some((_, style)) = told.iter().find(|(part, _)| lower.contains(part)) {
        // Half of what is called a name is a slug.
        let slug = matches!(style, Style::Word) && Draw::named(7, &format!("{document}{lower}")).percent(40);
        return if slug { Style::Slug } else { *style };
    }
    match Draw::named(1, &format!("{document}/{name}")).below(100) {
        0..25 => Style::Number,
        25..45 => Style::Uuid,
        45..53 => Style::Hash,
        53..58 => Style::Ulid,
        58..68 => Style::Prefixed,
        68..76 => Style::Token,
        76..88 => Style::Slug,
        _ => Style::Word,
    }
}

fn write(style: Style, draw: &mut Draw) -> String {
    match style {
        Style::Number => (1 + draw.next() % 10_u64.pow(2 + draw.below(7) as u32)).to_string(),
        Style::Uuid => [8, 4, 4, 4, 12].map(|length| draw.text(HEX, length)).join("-"),
        Style::Hash => draw.text(HEX, 24),
        Style::Ulid => format!("01{}", draw.text(CROCKFORD, 24)),
        Style::Prefixed => format!("{}_{}", &draw.pick(WORDS)[..3], draw.text(ALNUM, 14)),
        Style::Token => draw.text(ALNUM, 22),
        Style::Slug => {
            let words = 2 + draw.below(3);
            let slug = (0..words).map(|_| *draw.pick(WORDS)).collect::<Vec<_>>().join("-");
            if draw.percent(25) { format!("{slug}-{}", draw.below(90)) } else { slug }
        }
        Style::Word => (*draw.pick(WORDS)).to_owned(),
        Style::Code => (*draw.pick(CODES)).to_owned(),
        Style::Locale => (*draw.pick(LOCALES)).to_owned(),
        Style::Date => {
            format!("20{:02}-{:02}-{:02}", 10 + draw.below(16), 1 + draw.below(12), 1 + draw.below(28))
        }
        Style::Email => format!("{}.{}@example.org", draw.pick(WORDS), draw.pick(WORDS)),
        Style::File => {
            format!("{}-{}.{}", draw.pick(WORDS), draw.below(50), draw.pick(&["log", "tar.gz", "zip"]))
        }
    }
}
