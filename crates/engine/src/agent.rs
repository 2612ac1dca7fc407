//! What a request's head tells of the program that sent it: client libraries, declared crawlers, and browsers that
//! are none.
//!
//! Facts alone, by what the program says of itself and by what it forgets to say; nothing follows from them but by
//! policy. Invariants: linear in the head; a browser as its makers ship it is never called impossible. What a proxy in
//! front may have changed is not held against a client that comes through one.

use portcullis_model::{Headers, RequestHead, Version};

/// Client libraries and tools: how their user agents begin, and their names.
const LIBRARIES: &[(&str, &str)] = &[
    ("Apache-HttpClient/", "apache-httpclient"),
    ("axios/", "axios"),
    ("curl/", "curl"),
    ("Dart/", "dart"),
    ("Deno/", "deno"),
    ("Faraday ", "faraday"),
    ("fasthttp", "fasthttp"),
    ("Go-http-client/", "go-http-client"),
    ("got (", "got"),
    ("GuzzleHttp/", "guzzle"),
    ("HTTPie/", "httpie"),
    ("insomnia/", "insomnia"),
    ("Java-http-client/", "java-http-client"),
    ("Java/", "java"),
    ("k6/", "k6"),
    ("libwww-perl/", "libwww-perl"),
    ("masscan/", "masscan"),
    ("node", "node"),
    ("node-fetch", "node-fetch"),
    ("okhttp/", "okhttp"),
    ("PostmanRuntime/", "postman"),
    ("python-httpx/", "python-httpx"),
    ("python-requests/", "python-requests"),
    ("Python-urllib/", "python-urllib"),
    ("python-urllib3/", "python-urllib3"),
    ("Python/", "python-aiohttp"),
    ("reqwest/", "reqwest"),
    ("RestSharp/", "restsharp"),
    ("Ruby", "ruby"),
    ("Scrapy/", "scrapy"),
    ("sqlmap/", "sqlmap"),
    ("undici", "undici"),
    ("Wget/", "wget"),
];

/// Crawlers that say who they are: a word of their user agents, lower case, and their names.
const CRAWLERS: &[(&str, &str)] = &[
    ("ahrefsbot", "ahrefsbot"),
    ("amazonbot", "amazonbot"),
    ("applebot", "applebot"),
    ("baiduspider", "baiduspider"),
    ("bingbot", "bingbot"),
    ("bytespider", "bytespider"),
    ("ccbot", "ccbot"),
    ("claudebot", "claudebot"),
    ("duckduckbot", "duckduckbot"),
    ("facebookexternalhit", "facebook"),
    ("googlebot", "googlebot"),
    ("gptbot", "gptbot"),
    ("perplexitybot", "perplexitybot"),
    ("petalbot", "petalbot"),
    ("semrushbot", "semrushbot"),
    ("twitterbot", "twitterbot"),
    ("yandexbot", "yandexbot"),
];

/// The domains that the names of crawlers' addresses are below, as their makers publish them.
const DOMAINS: &[(&str, &[&str])] = &[
    ("ahrefsbot", &["ahrefs.com", "ahrefs.net"]),
    ("amazonbot", &["crawl.amazonbot.amazon"]),
    ("applebot", &["applebot.apple.com"]),
    ("baiduspider", &["baidu.com", "baidu.jp"]),
    ("bingbot", &["search.msn.com"]),
    ("ccbot", &["crawl.commoncrawl.org"]),
    ("googlebot", &["googlebot.com", "google.com"]),
    ("petalbot", &["petalsearch.com"]),
    ("semrushbot", &["semrush.com"]),
    ("yandexbot", &["yandex.ru", "yandex.net", "yandex.com"]),
];

/// The domains of a well-known crawler; none where its maker names none.
pub(crate) fn domains(crawler: &str) -> &'static [&'static str] {
    DOMAINS.iter().find(|(name, _)| *name == crawler).map_or(&[], |(_, domains)| domains)
}

/// Words that make a user agent that of a bot, whichever it is.
const BOT_WORDS: [&str; 4] = ["bot", "crawler", "spider", "scraper"];

/// What runs the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agent {
    /// It says nothing.
    None,
    /// A client library or tool.
    Library(&'static str),
    /// A well-known crawler, by its name.
    Crawler(&'static str),
    /// Something that calls itself a bot.
    Bot,
    /// A browser without a window.
    Headless,
    /// A browser.
    Browser(Engine),
    /// Something else.
    Other,
}

/// The engine a browser says it runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// Chromium of some version, on a desktop or phone.
    Chromium(u16),
    /// Firefox of some version.
    Firefox(u16),
    /// Safari, and everything on iOS.
    WebKit,
}

/// Chromium sends its client hints in every secure request since 89, and Fetch Metadata since 80; Firefox since 90.
const HINTS_SINCE: u16 = 89;
const METADATA_SINCE: u16 = 90;

impl Agent {
    /// Reads what a head says.
    pub(crate) fn of(headers: &Headers) -> Self {
        let Some(text) = headers.get("user-agent").filter(|text| !text.is_empty()) else { return Self::None };
        let text = str::from_utf8(text).unwrap_or_default();
        let browser = text.starts_with("Mozilla/5.0 (");
        // No library begins as browsers do, which are most of what comes.
        if !browser
            && let Some((_, name)) = LIBRARIES.iter().rev().find(|(begins, _)| text.starts_with(begins))
        {
            return Self::Library(name);
        }
        if let Some(bot) = bot(text) {
            return bot;
        }
        let products = Products::of(text);
        match () {
            () if products.headless => Self::Headless,
            () if browser => products.engine().map_or(Self::Other, Self::Browser),
            () => Self::Other,
        }
    }

    /// The value of its `client:` tag.
    pub(crate) const fn client(self) -> Option<&'static str> {
        match self {
            Self::None => Some("none"),
            Self::Library(name) => Some(name),
            Self::Headless => Some("headless"),
            Self::Browser(_) => Some("browser"),
            Self::Crawler(_) | Self::Bot | Self::Other => None,
        }
    }
}

/// What a user agent that names a bot belongs to: one well known, or any.
fn bot(text: &str) -> Option<Agent> {
    let mut called = None;
    for word in text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| may_be_bot(word)) {
        let known = CRAWLERS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
        if let Some((_, name)) = known {
            return Some(Agent::Crawler(name));
        }
        let ends = |with: &str| {
            let at = word.len().checked_sub(with.len());
            at.and_then(|at| word.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(with))
        };
        // Cubot makes phones.
        if BOT_WORDS.iter().any(|with| ends(with)) && !word.eq_ignore_ascii_case("cubot") {
            called = Some(Agent::Bot);
        }
    }
    called
}

/// Whether a word ends as all those do that name bots.
fn may_be_bot(word: &str) -> bool {
    word.len() >= 3 && matches!(word.as_bytes().last(), Some(b't' | b'T' | b'r' | b'R'))
}

/// What stands before the slashes of a user agent that names a browser.
#[derive(Default)]
struct Products<'a> {
    headless: bool,
    /// An app's web view, which sends what the app says.
    app: bool,
    ios: bool,
    safari: bool,
    version: bool,
    chrome: bool,
    /// What stands after the first of them.
    firefox: Option<&'a str>,
    chromium: Option<&'a str>,
}

impl<'a> Products<'a> {
    /// Reads them in one pass.
    fn of(text: &'a str) -> Self {
        let mut products = Self::default();
        for (at, letter) in text.bytes().enumerate().filter(|(_, letter)| matches!(letter, b'/' | b')')) {
            let Some((before, after)) = text.split_at_checked(at) else { continue };
            if letter == b')' {
                products.app |= before.ends_with("; wv");
            } else {
                products.add(before, after.get(1..).unwrap_or_default());
            }
        }
        products
    }

    fn add(&mut self, before: &str, version: &'a str) {
        match before.as_bytes() {
            [.., b'C', b'h', b'r', b'o', b'm', b'e'] => {
                self.chrome = true;
                self.headless |= before.ends_with("HeadlessChrome");
                if before.ends_with(" Chrome") {
                    self.chromium.get_or_insert(version);
                }
            }
            [.., b'F', b'i', b'r', b'e', b'f', b'o', b'x'] => _ = self.firefox.get_or_insert(version),
            [.., b'S', b'a', b'f', b'a', b'r', b'i'] => self.safari = true,
            [.., b'V', b'e', b'r', b's', b'i', b'o', b'n'] => self.version = true,
            [.., b'E', b'l', b'e', b'c', b't', b'r', b'o', b'n'] => self.app = true,
            _ => self.ios |= ["CriOS", "FxiOS", "EdgiOS"].iter().any(|name| before.ends_with(name)),
        }
    }

    fn engine(&self) -> Option<Engine> {
        let number = |version: &str| {
            version
                .split(|letter: char| !letter.is_ascii_digit())
                .next()
                .and_then(|digits| digits.parse().ok())
        };
        match () {
            () if self.app => None,
            () if self.ios => Some(Engine::WebKit),
            () if self.firefox.is_some() => self.firefox.and_then(number).map(Engine::Firefox),
            () if self.chrome => self.chromium.and_then(number).map(Engine::Chromium),
            () => (self.version && self.safari).then_some(Engine::WebKit),
        }
    }
}

/// Whether a browser comes to the gateway itself or through something that may change its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Over TLS that ends here.
    Encrypted,
    /// In clear.
    Clear,
    /// Through a proxy policy trusts.
    Proxied,
}

/// What is wrong with a head whose user agent is a browser's, as values of `bot:` tags.
pub(crate) fn contradictions(
    head: &RequestHead,
    engine: Engine,
    way: Way,
    found: &mut dyn FnMut(&'static str),
) {
    // What opens WebSockets and asks for leave sends fewer fields.
    let bare = head.method == http::Method::OPTIONS || head.headers.get("upgrade").is_some();
    if way == Way::Proxied || bare {
        return;
    }
    if head.version == Version::Http10 || (way == Way::Encrypted && lacks_a_field(&head.headers, engine)) {
        found("impossible_agent");
    }
    if head.version != Version::Http2 && is_out_of_order(&head.headers, engine) {
        found("header_order");
    }
}

/// Whether a field is missing that such a browser sends in every secure request.
fn lacks_a_field(headers: &Headers, engine: Engine) -> bool {
    let lacks = |name: &str| headers.get(name).is_none();
    let own = match engine {
        Engine::Chromium(version) if version >= HINTS_SINCE => lacks("sec-ch-ua") || lacks("sec-fetch-mode"),
        Engine::Firefox(version) if version >= METADATA_SINCE => lacks("sec-fetch-mode"),
        _ => false,
    };
    own || ["accept", "accept-language", "accept-encoding"].into_iter().any(lacks)
}

/// Whether fields that the browser writes itself stand in an order it does not write. Where a page's script fetches,
/// it may have set some of them.
fn is_out_of_order(headers: &Headers, engine: Engine) -> bool {
    let order = match engine {
        Engine::Chromium(_) => ["host", "accept", "accept-encoding", "accept-language"],
        Engine::Firefox(_) => ["host", "accept", "accept-language", "accept-encoding"],
        Engine::WebKit => return false,
    };
    if headers.get("sec-fetch-mode").is_some_and(|mode| mode != b"navigate") {
        return false;
    }
    let places = order.map(|name| headers.iter().position(|field| field.is(name)));
    let known = places.iter().flatten();
    !known.is_sorted()
}

#[cfg(test)]
mod tests;
