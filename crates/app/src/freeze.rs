//! `portcullis api freeze` and `promote`: what was learned of operations as a document that policy can name, watched first,
//! enforced by a word.
//!
//! Invariants: nothing is enforced that policy does not name; an operation that is frozen already stays as it is unless
//! somebody asks for it again; promoting changes one word of the file and leaves all else as it was written.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use portcullis_admin::api::OperationQuery;
use portcullis_document::{Node, SourceFile, join, parse, to_yaml};
use serde::Serialize;
use serde_json::{Map, Value, json};
use smol_str::SmolStr;

use crate::output::{self, Audience};
use crate::{Exit, Misuse, api, check, cli};

/// How an operation says how far it is enforced.
const CHECKS: &str = "x-portcullis-checks";

/// Exchanges and callers from which on what was learned can be trusted much, or somewhat.
const MUCH: (u64, u64) = (1000, 10);
const SOME: (u64, u64) = (100, 2);

/// Writes what was learned.
pub(crate) fn freeze(config: &Path, audience: Audience, options: &cli::Freeze) -> Result<Exit> {
    if options.operation.is_none() && options.standing.is_none() {
        return Err(Misuse("name an operation, or --standing shadow for all of them".to_owned()).into());
    }
    let query = OperationQuery {
        site: options.site.as_deref().map(SmolStr::from),
        standing: options.standing.as_deref().map(SmolStr::from),
        ..OperationQuery::default()
    };
    let mut learned = api::document(config, &query)?;
    let site = learned.pointer("/info/title").and_then(Value::as_str).unwrap_or_default().to_owned();
    let path = file(config, &site, options.file.as_deref());
    let mut written = existing(&path, &site)?;
    let told = take(&mut written, &mut learned, options)?;
    if told.is_empty() {
        output::say("no operation was learned that this names: `portcullis api ls` shows them all");
        return Ok(Exit::No);
    }
    if told.iter().any(|one| one.done) {
        keep(&path, &to_yaml(&written))?;
    }
    match audience {
        Audience::Programs => output::json(&json!({
            "file": path.display().to_string(),
            "operations": told.iter().map(Told::to_json).collect::<Vec<_>>(),
        })),
        Audience::People => output::print(&frozen_text(&told, &path, &site)),
    };
    Ok(Exit::Done)
}

/// What became of one operation.
struct Told {
    name: String,
    confidence: Confidence,
    done: bool,
    why: &'static str,
}

impl Told {
    fn to_json(&self) -> Value {
        json!({ "operation": self.name, "frozen": self.done, "why": self.why, "confidence": self.confidence })
    }
}

/// Takes operations over into the document.
fn take(written: &mut Value, learned: &mut Value, options: &cli::Freeze) -> Result<Vec<Told>> {
    let mut told = Vec::new();
    let schemes = learned.pointer_mut("/components/securitySchemes").map(Value::take);
    let Some(paths) = learned.get_mut("paths").and_then(Value::as_object_mut) else { return Ok(told) };
    let into =
        written.get_mut("paths").and_then(Value::as_object_mut).context("the document has no `paths`")?;
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let name = format!("{} {path}", method.to_ascii_uppercase());
            let wanted = options.operation.as_deref();
            if wanted.is_some_and(|wanted| wanted != name && text(operation, "operationId") != Some(wanted)) {
                continue;
            }
            let confidence = Confidence::of(operation);
            let known = into.get(path).is_some_and(|item| item.get(method).is_some());
            let why = if text(operation, "x-portcullis-standing") == Some("documented") {
                "the contract declares it: contract_checks holds requests against that"
            } else if known && !options.again {
                "it is frozen already (--again takes what is known now)"
            } else {
                let item = into.entry(path.clone()).or_insert_with(|| json!({}));
                let item = item.as_object_mut().with_context(|| format!("`{path}` is no map of methods"))?;
                item.insert(method.clone(), frozen(operation, &confidence));
                ""
            };
            told.push(Told { name, confidence, done: why.is_empty(), why });
        }
    }
    if let Some(Value::Object(schemes)) = schemes {
        add_schemes(written, schemes);
    }
    Ok(told)
}

/// What frozen operations say of credentials; a scheme that is there stays as it is.
fn add_schemes(written: &mut Value, schemes: Map<String, Value>) {
    let entry = |of: &mut Map<String, Value>, key: &str| {
        of.entry(key).or_insert_with(|| json!({})).as_object_mut().map(std::mem::take)
    };
    let Some(document) = written.as_object_mut() else { return };
    let mut components = entry(document, "components").unwrap_or_default();
    let mut known = entry(&mut components, "securitySchemes").unwrap_or_default();
    for (name, scheme) in schemes {
        known.entry(name).or_insert(scheme);
    }
    components.insert("securitySchemes".to_owned(), known.into());
    document.insert("components".to_owned(), components.into());
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// The operation as it was learned, without what changes by itself.
fn frozen(operation: &Value, confidence: &Confidence) -> Value {
    let known = operation.as_object().into_iter().flatten();
    let mut kept: Map<String, Value> = known
        .filter(|(key, _)| !key.starts_with("x-portcullis-"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    kept.insert(CHECKS.to_owned(), "monitor".into());
    kept.insert("x-portcullis-confidence".to_owned(), json!(confidence));
    Value::Object(kept)
}

/// How far what was learned can be trusted, and from what that follows.
#[derive(Clone, Debug, Serialize)]
struct Confidence {
    level: &'static str,
    exchanges: u64,
    callers: u64,
}

impl Confidence {
    fn of(operation: &Value) -> Self {
        let count = |key: &str| operation.get(key).and_then(Value::as_u64).unwrap_or_default();
        let (exchanges, callers) = (count("x-portcullis-exchanges"), count("x-portcullis-callers"));
        let reaches = |(least, by): (u64, u64)| exchanges >= least && callers >= by;
        let level = if reaches(MUCH) {
            "high"
        } else if reaches(SOME) {
            "medium"
        } else {
            "low"
        };
        Self { level, exchanges, callers }
    }
}

fn frozen_text(told: &[Told], path: &Path, site: &str) -> String {
    let mut table = output::table(&["operation", "confidence", "exchanges", "callers", ""]);
    for one in told {
        table.add_row([
            output::shown(&one.name),
            one.confidence.level.to_owned(),
            one.confidence.exchanges.to_string(),
            one.confidence.callers.to_string(),
            if one.done { "frozen: watched".to_owned() } else { one.why.to_owned() },
        ]);
    }
    let named = path.display();
    format!(
        "{table}\nwritten to {named}. The policy names it under `sites.{site}`, unless it does:\n  frozen: [{named}]\n\
         Watch `portcullis events --where 'tag(\"contract:invalid\")'`, then `portcullis api promote`.\n"
    )
}

/// Enforces what is watched, or the other way round.
pub(crate) fn promote(config: &Path, audience: Audience, options: &cli::Promote) -> Result<Exit> {
    if options.operation.is_none() && !options.all {
        return Err(Misuse("name an operation, or --all".to_owned()).into());
    }
    let path = match (&options.site, &options.file) {
        (_, Some(file)) => file.clone(),
        (Some(site), None) => file(config, site, None),
        (None, None) => only_file(config)?,
    };
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let wanted = if options.back { "monitor" } else { "block" };
    let (changed, names) = switched(&path, &text, options.operation.as_deref(), wanted)?;
    if names.is_empty() {
        output::say(&format!(
            "{} has no operation of that name that is not `{wanted}` already",
            path.display()
        ));
        return Ok(Exit::No);
    }
    keep(&path, &changed)?;
    match audience {
        Audience::Programs => output::json(
            &json!({ "file": path.display().to_string(), "checks": wanted, "operations": names }),
        ),
        Audience::People => {
            let what = if options.back { "watched" } else { "enforced" };
            let lines: Vec<String> = names.iter().map(|name| format!("{name} is {what} now\n")).collect();
            output::print(&lines.concat())
        }
    };
    Ok(Exit::Done)
}

/// The text with the word of the operations that are meant, and their names.
fn switched(path: &Path, text: &str, operation: Option<&str>, word: &str) -> Result<(String, Vec<String>)> {
    let root = read(path, text)?;
    let mut spans = Vec::new();
    for path in root.get("paths").and_then(Node::entries).unwrap_or_default() {
        for method in path.value.entries().unwrap_or_default() {
            let name = format!("{} {}", method.key.text.to_ascii_uppercase(), path.key.text);
            let id = method.value.get("operationId").and_then(Node::as_str);
            let meant = operation.is_none_or(|wanted| name == wanted || id == Some(wanted));
            if let Some(checks) =
                method.value.get(CHECKS).filter(|checks| meant && checks.as_str() != Some(word))
            {
                spans.push((checks.place.span(), name));
            }
        }
    }
    let mut changed = text.to_owned();
    for (span, _) in spans.iter().rev() {
        changed.replace_range(span.clone(), word);
    }
    Ok((changed, spans.into_iter().map(|(_, name)| name).collect()))
}

/// Where a site's frozen operations are kept, unless somebody says: beside the policy.
fn file(config: &Path, site: &str, named: Option<&Path>) -> PathBuf {
    match named {
        Some(named) => named.to_owned(),
        None => PathBuf::from(join(&base(config), &format!("frozen/{site}.yaml"))),
    }
}

/// What paths of the policy are relative to.
fn base(config: &Path) -> String {
    let text = config.to_string_lossy();
    if config.is_dir() { format!("{text}/") } else { text.into_owned() }
}

/// The only file of frozen operations that there is.
fn only_file(config: &Path) -> Result<PathBuf> {
    let folder = PathBuf::from(join(&base(config), "frozen"));
    let entries = std::fs::read_dir(&folder)
        .with_context(|| format!("nothing is frozen: there is no folder {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "yaml"));
    match files.as_slice() {
        [one] => Ok(one.clone()),
        [] => bail!("nothing is frozen in {}", folder.display()),
        _ => Err(Misuse("several sites have frozen operations: --site names one".to_owned()).into()),
    }
}

/// The document that is there, or a new one.
fn existing(path: &Path, site: &str) -> Result<Value> {
    let new = json!({
        "openapi": "3.1.0",
        "info": { "title": site, "version": "frozen", "description": "Frozen from traffic by Portcullis." },
        "paths": {},
    });
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(new),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let written = read(path, &text)?.to_json();
    if !written.get("paths").is_some_and(Value::is_object) {
        bail!("{} is no document with `paths`", path.display());
    }
    Ok(written)
}

fn read(path: &Path, text: &str) -> Result<Node> {
    let parsed = parse(&SourceFile::new(path.to_string_lossy().into_owned(), text));
    parsed.map_err(|problems| anyhow::anyhow!("{}", check::rendered(&problems)))
}

/// Writes a file in the place of what was there.
fn keep(path: &Path, text: &str) -> Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(cannot)?;
    }
    let new = path.with_extension("new");
    std::fs::write(&new, text).with_context(cannot)?;
    std::fs::rename(&new, path).with_context(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promoting_changes_a_word_and_nothing_else() {
        let text = "# mine\npaths:\n  /a:\n    get: { x-portcullis-checks: monitor } # why\n    put:\n      operationId: p\n      x-portcullis-checks: 'block'\n";
        let check = |operation, word| switched(Path::new("f.yaml"), text, operation, word).unwrap();
        let (changed, names) = check(None, "block");
        assert_eq!((changed, names), (text.replace("monitor", "block"), vec!["GET /a".to_owned()]));
        let (changed, names) = check(Some("p"), "monitor");
        assert_eq!((changed, names), (text.replace("'block'", "monitor"), vec!["PUT /a".to_owned()]));
        assert!(check(Some("GET /b"), "block").1.is_empty());
    }

    #[test]
    fn confidence_comes_from_exchanges_and_callers() {
        let of = |exchanges: u64, callers: u64| {
            let operation = json!({ "x-portcullis-exchanges": exchanges, "x-portcullis-callers": callers });
            Confidence::of(&operation).level
        };
        assert_eq!([of(5000, 40), of(5000, 3), of(5000, 1), of(20, 20)], ["high", "medium", "low", "low"]);
    }
}
