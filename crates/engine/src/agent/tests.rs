//! User agents and heads as browsers, libraries, crawlers and pretenders send them.

use portcullis_model::Scheme;

use super::*;

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0";
const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15";

fn agent(text: &str) -> Agent {
    Agent::of(&[("User-Agent", text.to_owned())].into_iter().collect())
}

#[test]
fn who_says_what_it_is() {
    for (text, is) in [
        ("", Agent::None),
        ("curl/8.14.1", Agent::Library("curl")),
        ("python-requests/2.32.4", Agent::Library("python-requests")),
        ("Go-http-client/2.0", Agent::Library("go-http-client")),
        ("okhttp/4.12.0", Agent::Library("okhttp")),
        ("node-fetch/1.0 (+https://github.com/bitinn/node-fetch)", Agent::Library("node-fetch")),
        ("node", Agent::Library("node")),
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            Agent::Crawler("googlebot"),
        ),
        ("Mozilla/5.0 (compatible; SomeBot/1.0)", Agent::Bot),
        ("my-crawler", Agent::Bot),
        (CHROME, Agent::Browser(Engine::Chromium(141))),
        (FIREFOX, Agent::Browser(Engine::Firefox(143))),
        (SAFARI, Agent::Browser(Engine::WebKit)),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141.0 Mobile/15E148 Safari/604.1",
            Agent::Browser(Engine::WebKit),
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/141.0.0.0 Safari/537.36",
            Agent::Headless,
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; CUBOT X70; wv) AppleWebKit/537.36 Version/4.0 Chrome/141.0 Mobile Safari/537.36",
            Agent::Other,
        ),
        ("ShopApp/3.1 (iOS 18)", Agent::Other),
    ] {
        assert_eq!(agent(text), is, "{text}");
    }
}

fn check(version: Version, fields: &[(&'static str, &str)], way: Way, expected: &[&str]) {
    let headers: Headers = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let Agent::Browser(engine) = Agent::of(&headers) else { panic!("no browser: {fields:?}") };
    let head = RequestHead {
        method: http::Method::GET,
        target: "/".into(),
        authority: None,
        version,
        scheme: Scheme::Https,
        headers,
    };
    let mut found = Vec::new();
    contradictions(&head, engine, way, &mut |fact| found.push(fact));
    assert_eq!(found, expected, "{fields:?}");
}

#[test]
fn browsers_as_shipped_are_possible() {
    let chrome = [
        ("Host", "shop.example"),
        ("Connection", "keep-alive"),
        ("sec-ch-ua", "\"Chromium\";v=\"141\""),
        ("User-Agent", CHROME),
        ("Accept", "text/html"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Accept-Encoding", "gzip"),
        ("Accept-Language", "de"),
    ];
    let firefox = [
        ("Host", "shop.example"),
        ("User-Agent", FIREFOX),
        ("Accept", "text/html"),
        ("Accept-Language", "de"),
        ("Accept-Encoding", "gzip"),
        ("Sec-Fetch-Mode", "navigate"),
    ];
    let safari = [
        ("Host", "a"),
        ("Accept", "*/*"),
        ("User-Agent", SAFARI),
        ("Accept-Language", "de"),
        ("Accept-Encoding", "gzip"),
    ];
    for fields in [&chrome[..], &firefox, &safari] {
        check(Version::Http11, fields, Way::Encrypted, &[]);
        check(Version::Http2, fields, Way::Encrypted, &[]);
        check(Version::Http11, fields, Way::Clear, &[]);
        check(Version::Http10, fields, Way::Proxied, &[]);
        check(Version::Http10, fields, Way::Clear, &["impossible_agent"]);
    }
}

#[test]
fn pretenders_forget_something() {
    // python-requests with another name.
    let requests = [
        ("Host", "shop.example"),
        ("User-Agent", CHROME),
        ("Accept-Encoding", "gzip, deflate"),
        ("Accept", "*/*"),
        ("Connection", "keep-alive"),
    ];
    check(Version::Http11, &requests, Way::Encrypted, &["impossible_agent", "header_order"]);
    check(Version::Http11, &requests, Way::Clear, &["header_order"]);
    check(Version::Http11, &requests, Way::Proxied, &[]);
    check(
        Version::Http2,
        &[("User-Agent", FIREFOX), ("Accept", "*/*")],
        Way::Encrypted,
        &["impossible_agent"],
    );
    // A web socket's first request has fewer fields.
    check(Version::Http11, &[("User-Agent", CHROME), ("Upgrade", "websocket")], Way::Encrypted, &[]);
}

#[test]
fn no_name_of_a_bot_is_passed_over() {
    let names = CRAWLERS.iter().map(|(word, _)| *word).chain(BOT_WORDS);
    for name in names {
        assert!(may_be_bot(name) && may_be_bot(&name.to_uppercase()), "{name}");
    }
}
