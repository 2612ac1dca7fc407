//! The corpora: each payload where its file says it belongs, and the values labelled benign.

use std::path::Path;

use base64::Engine as _;
use serde_json::Value;

use crate::case::{Case, escape};

/// Every attack of the corpora.
pub(crate) fn read(corpora: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    let root = corpora.join("payloads/waf-bypass");
    for class in sorted(&root) {
        for file in sorted(&class) {
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            let Ok(document) = serde_json::from_str::<Value>(&text) else { continue };
            let name = class.file_name().unwrap().to_string_lossy().into_owned();
            for payload in document["payload"].as_array().into_iter().flatten() {
                placed(&name, payload, &mut cases);
            }
        }
    }
    cases.extend(parameters(corpora).into_iter().filter(|case| case.attack));
    cases
}

/// Values of parameters that are labelled benign.
pub(crate) fn benign(corpora: &Path) -> Vec<Case> {
    parameters(corpora).into_iter().filter(|case| !case.attack).collect()
}

fn sorted(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries
}

fn placed(class: &str, payload: &Value, cases: &mut Vec<Case>) {
    let attack = payload["BLOCKED"].as_bool().unwrap_or(true);
    let row = if attack { format!("waf-bypass {class}") } else { "waf-bypass FP".to_owned() };
    let encodings = payload["ENCODE"].as_str().unwrap_or_default();
    for place in ["URL", "ARGS", "BODY", "COOKIE", "USER-AGENT", "REFERER", "HEADER"] {
        let Some(text) = payload[place].as_str() else { continue };
        let text = text.replace("%RND%", "7341");
        let case = |row: String, text: &str| {
            let mut case = place_in(Case::new(row, attack, format!("{place} {text}")), place, text, payload);
            if let Some(method) = payload["METHOD"].as_str() {
                method.clone_into(&mut case.method);
            }
            // One payload in several places belongs to one half.
            case.key =
                format!("{class} {}", payload["ARGS"].as_str().unwrap_or(text)).replace("%RND%", "7341");
            if payload["ARGS"].as_str() != Some(text) {
                case.key = format!("{class} {text}");
            }
            case
        };
        cases.push(case(row.clone(), &text));
        if place == "BODY" && payload["JSON"].as_bool() == Some(true)
            || payload["BOUNDARY"].is_string()
            || !attack
            || place == "URL"
        {
            continue;
        }
        for encoding in encodings.split_whitespace() {
            cases.push(case(format!("+ {encoding}"), &encoded(encoding, &text)));
        }
    }
}

fn encoded(encoding: &str, text: &str) -> String {
    match encoding {
        "Base64" => base64::engine::general_purpose::STANDARD.encode(text),
        "UTF-16" => text.chars().map(|character| format!("\\u{:04x}", character as u32)).collect(),
        _ => text.chars().map(|character| format!("&#{};", character as u32)).collect(),
    }
}

fn place_in(case: Case, place: &str, text: &str, payload: &Value) -> Case {
    match place {
        "URL" => case.target(if text.starts_with('/') { text.to_owned() } else { format!("/{text}") }),
        "ARGS" => case.target(format!("/?{}", text.strip_prefix('?').unwrap_or(text))),
        "COOKIE" => case.header("Cookie", format!("session={text}")),
        "USER-AGENT" => case.header("User-Agent", text),
        "REFERER" => case.header("Referer", text),
        "HEADER" => case.header("X-Payload", text),
        _ => body(case, text, payload),
    }
}

fn body(case: Case, text: &str, payload: &Value) -> Case {
    if let Some(boundary) = payload["BOUNDARY"].as_str() {
        let lines = text.replace("\r\n", "\n").replace('\n', "\r\n");
        return case.body(&format!("multipart/form-data; boundary={boundary}"), lines);
    }
    let json = payload["JSON"].as_bool() == Some(true)
        || text.starts_with('{') && serde_json::from_str::<Value>(text).is_ok();
    case.body(if json { "application/json" } else { "application/x-www-form-urlencoded" }, text)
}

fn parameters(corpora: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(corpora.join("payloads/http-params/payload_train.csv")).unwrap();
    records(&text)
        .into_iter()
        .skip(1)
        .filter(|fields| fields.len() == 4)
        .map(|fields| {
            let attack = fields[3] == "anom";
            Case::new(format!("http-params {}", fields[2]), attack, fields[0].clone())
                .target(format!("/search?q={}", escape(&fields[0])))
        })
        .collect()
}

/// The records of a CSV file (RFC 4180).
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut fields, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                field.push('"');
                characters.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                fields.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut fields));
            }
            '\r' if !quoted => {}
            other => field.push(other),
        }
    }
    records
}
