//! A browser proves itself: the page, its solution, the pass, and whom none of them is for.

use crate::stage::{Authority, Files, Stage, raw};

const SITE: &str = "
secret: env:SECRET
archive: off
control: off
sites:
  shop:
    hosts: [shop.example]
    filter: off
    upstream: { servers: [UPSTREAM] }
    challenge: { difficulty: 8, lasts: 2h, wait: WAIT }
    rules: [{ name: people, when: 'true', action: challenge }]
";

async fn stage(wait: &str) -> Stage {
    Stage::start(&format!("listen: 127.0.0.1:0\n{}", SITE.replace("WAIT", wait)), Files::default()).await
}

fn browser(agent: &str, target: &str, cookie: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: {agent}\r\nAccept: text/html,*/*;q=0.8\r\n\
         Cookie: theme=dark; {cookie}\r\nConnection: close\r\n\r\n"
    )
}

fn form(agent: &str, puzzle: &str, solution: &str, back: &str) -> String {
    let body = format!("puzzle={puzzle}&back={back}&solution={solution}");
    format!(
        "POST /.portcullis/challenge HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: {agent}\r\nAccept: text/html\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before:?} in {text}")).1;
    rest.split_once(after).unwrap_or_else(|| panic!("no {after:?} in {text}")).0
}

fn puzzle(page: &str) -> &str {
    between(page, "name=\"puzzle\" value=\"", "\"")
}

/// What the page's script does.
fn solve(puzzle: &str) -> String {
    let hash = |text: &str| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let mut numbers = (0_u64..).map(|number| number.to_string());
    numbers.find(|number| hash(&format!("{puzzle}{number}")).as_ref()[0] == 0).unwrap()
}

fn pass(answer: &str) -> &str {
    between(answer, "set-cookie: ", ";")
}

#[tokio::test]
async fn a_browser_proves_itself_once_and_goes_on() {
    let stage = stage("20s").await;
    let page = raw(stage.address(), browser("Firefox", "/orders?id=1&x=%22%3E", "")).await;
    assert!(page.starts_with("HTTP/1.1 403 ") && page.contains("cache-control: no-store"), "{page}");
    let nonce = between(&page, "script-src 'nonce-", "'");
    assert!(
        page.contains(&format!("<script nonce=\"{nonce}\"")) && page.contains("default-src 'none'"),
        "{page}"
    );
    assert!(page.contains("name=\"back\" value=\"/orders?id=1&amp;x=%22%3E\""), "{page}");
    let event = stage.event().await;
    assert_eq!((event.verdict.action.as_str(), &*event.reasons[0].code), ("challenge", "rules.challenge"));

    let solution = solve(puzzle(&page));
    let back = "%2Forders%3Fid%3D1%26x%3D%2522";
    let solved = raw(stage.address(), form("Firefox", puzzle(&page), &solution, back)).await;
    assert!(
        solved.starts_with("HTTP/1.1 303 ") && solved.contains("location: /orders?id=1&x=%22\r\n"),
        "{solved}"
    );
    assert!(solved.contains("; Path=/; Max-Age=7200; HttpOnly; SameSite=Lax\r\n"), "{solved}");
    assert_eq!(stage.event().await.reasons[0].code, "challenge.solved");
    assert_eq!(stage.upstream.seen().len(), 0);

    let answer = raw(stage.address(), browser("Firefox", "/orders?id=1", pass(&solved))).await;
    assert!(answer.ends_with("GET /orders?id=1 0"), "{answer}");
    let event = stage.event().await;
    assert!(event.tags.iter().any(|tag| tag.tag == "challenge:passed"), "{:?}", event.tags);
    assert_eq!(event.reasons[0].code, "challenge.passed");

    // Another user agent has neither the pass nor the solution.
    let stolen = raw(stage.address(), browser("Chrome", "/orders", pass(&solved))).await;
    assert!(stolen.starts_with("HTTP/1.1 403 "), "{stolen}");
    let replayed = raw(stage.address(), form("Chrome", puzzle(&page), &solution, "%2F")).await;
    assert!(replayed.starts_with("HTTP/1.1 403 ") && puzzle(&replayed) != puzzle(&page), "{replayed}");
    stage.event().await;
    assert_eq!(stage.event().await.reasons[0].code, "challenge.other_caller");
    assert_eq!(stage.upstream.seen().len(), 1);
}

#[tokio::test]
async fn a_program_gets_a_problem_it_can_act_on() {
    let stage = stage("20s").await;
    let get =
        "GET /orders HTTP/1.1\r\nHost: shop.example\r\nAccept: application/json\r\nConnection: close\r\n\r\n";
    let answer = raw(stage.address(), get).await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("application/problem+json"), "{answer}");
    assert!(answer.contains("urn:portcullis:problem:challenge") && !answer.contains("puzzle"), "{answer}");
    let post = "POST /orders HTTP/1.1\r\nHost: shop.example\r\nAccept: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert!(raw(stage.address(), post).await.contains("application/problem+json"));
}

#[tokio::test]
async fn who_runs_no_script_waits_and_keeps_the_puzzle() {
    let early = stage("5m").await;
    let page = raw(early.address(), browser("Lynx", "/", "")).await;
    let again = raw(early.address(), form("Lynx", puzzle(&page), "", "%2F")).await;
    assert!(again.starts_with("HTTP/1.1 403 ") && puzzle(&again) == puzzle(&page), "{again}");
    early.event().await;
    assert_eq!(early.event().await.reasons[0].code, "challenge.early");
    let late = stage("0s").await;
    let page = raw(late.address(), browser("Lynx", "/", "")).await;
    let waited = raw(late.address(), form("Lynx", puzzle(&page), "", "%2F%2Fevil.example")).await;
    assert!(waited.starts_with("HTTP/1.1 303 ") && waited.contains("location: /\r\n"), "{waited}");
    late.event().await;
    assert_eq!(late.event().await.reasons[0].code, "challenge.waited");
}

#[tokio::test]
async fn over_tls_the_pass_is_the_hosts_alone() {
    let authority = Authority::new("tests");
    let leaf = authority.issue(&["shop.example"]);
    let files = Files::default();
    files.lock().insert("shop.pem".to_owned(), leaf.certificate.clone().into());
    files.lock().insert("shop.key".to_owned(), leaf.key.clone().into());
    let listen = "listen: { address: 127.0.0.1:0, tls: { certificate: shop.pem, key: shop.key } }\n";
    let stage = Stage::start(&format!("{listen}{}", SITE.replace("WAIT", "20s")), files).await;
    let ask = async |request: String| {
        let mut wire = authority.client().connect(stage.address(), "shop.example").await.unwrap();
        wire.send(request).await;
        wire.read_to_end().await
    };
    let page = ask(browser("Firefox", "/", "")).await;
    let solved = ask(form("Firefox", puzzle(&page), &solve(puzzle(&page)), "%2F")).await;
    assert!(pass(&solved).starts_with("__Host-portcullis=") && solved.contains("; Secure\r\n"), "{solved}");
    assert!(ask(browser("Firefox", "/in", pass(&solved))).await.ends_with("GET /in 0"));
    let unmarked = pass(&solved).trim_start_matches("__Host-").to_owned();
    assert!(ask(browser("Firefox", "/in", &unmarked)).await.starts_with("HTTP/1.1 403 "));
}
