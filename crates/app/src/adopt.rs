//! `portcullis api adopt`: learned operations, and calls of operations, written into an existing `OpenAPI` document, as a
//! diff to review.
//!
//! Invariant: the document keeps its text, order and comments; nothing is written without `--write`.

mod calls;
mod unified;

use std::path::Path;

use anyhow::{Context, Result};
use portcullis_admin::api::{OperationQuery, OperationView};
use portcullis_contract::Format;
use portcullis_document::{NotInserted, SourceFile, insert, parse};
use serde_json::{Map, Value, json};
use smol_str::SmolStr;

use crate::files::FileSources;
use crate::output::{self, Audience};
use crate::{Exit, Misuse, api, cli, remote};

/// Carries out the command.
pub(crate) fn run(config: &Path, audience: Audience, options: &cli::Adopt) -> Result<Exit> {
    let mut learned = Vec::new();
    for wanted in &options.operations {
        learned.push(one(config, wanted, options.site.as_deref())?);
    }
    let file = match &options.into {
        Some(file) => file.to_string_lossy().into_owned(),
        None => declared_in(config, learned.first().map_or("", |(operation, _)| operation.site.as_str()))?,
    };
    writable(&file)?;
    let old = std::fs::read_to_string(&file).with_context(|| file.clone())?;
    let mut new = old.clone();
    for (operation, described) in &learned {
        let told = |why: &dyn std::fmt::Display| Misuse(format!("{}: {file}: {why}", api::name(operation)));
        new = adopted(&new, operation, described).map_err(|why| told(&why))?;
    }
    let diff = unified::unified(&file, &old, &new);
    match audience {
        Audience::Programs => output::json(&json!({ "file": file, "diff": diff, "written": options.write })),
        Audience::People => output::print(&diff),
    };
    if options.write {
        std::fs::write(&file, new).with_context(|| format!("{file} cannot be written"))?;
        output::say(&format!("written to {file}"));
    }
    Ok(Exit::Done)
}

/// Refuses what is no `OpenAPI` document: nothing learned tells the types that a schema must name.
fn writable(file: &str) -> Result<(), Misuse> {
    let language = match Format::of(file) {
        Format::OpenApi => return Ok(()),
        Format::GraphqlSchema => "a schema of GraphQL",
        Format::DescriptorSet => "a descriptor set of protocol buffers",
    };
    Err(Misuse(format!(
        "{file} is {language}, which names types that traffic does not tell: declare it there, or name an OpenAPI \
         document with --into"
    )))
}

/// A learned operation, and how `OpenAPI` describes it.
fn one(config: &Path, wanted: &str, site: Option<&str>) -> Result<(OperationView, Value)> {
    let query = OperationQuery {
        site: site.map(SmolStr::new),
        operation: Some(wanted.into()),
        ..OperationQuery::default()
    };
    let mut found = api::find(config, &query)?.operations;
    let operation = match (found.pop(), found.is_empty()) {
        (Some(operation), true) => operation,
        (Some(_), false) => {
            return Err(Misuse(format!("several sites have `{wanted}`: --site names one")).into());
        }
        (None, _) => return Err(Misuse(format!("no operation is called `{wanted}`")).into()),
    };
    if operation.traffic.is_none() {
        return Err(Misuse(format!("nobody called `{wanted}`: there is nothing to adopt")).into());
    }
    let document = api::document(config, &OperationQuery { site: Some(operation.site.clone()), ..query })?;
    let described =
        document.pointer("/paths").and_then(Value::as_object).and_then(|paths| paths.values().next());
    let described = described.and_then(Value::as_object).and_then(|item| item.values().next()).cloned();
    let described = described.with_context(|| format!("`{wanted}` has a method OpenAPI has no word for"))?;
    Ok((operation, described))
}

/// The one document of a site's contract.
fn declared_in(config: &Path, site: &str) -> Result<String> {
    let policy = portcullis_policy::load(&config.to_string_lossy(), &FileSources).policy;
    let policy = policy.ok_or_else(|| Misuse("the policy has mistakes: portcullis check".to_owned()))?;
    let contract =
        policy.sites.iter().find(|known| known.name == site).and_then(|site| site.contract.as_ref());
    let files = contract.map_or_else(Vec::new, |contract| {
        contract.files.iter().map(|file| file.path.as_str().to_owned()).collect()
    });
    match files.as_slice() {
        [file] if !remote::is_url(file) && Path::new(file).is_file() => Ok(file.clone()),
        _ => {
            Err(Misuse(format!("`{site}` has no single file as its contract: --into names the document"))
                .into())
        }
    }
}

/// The document with the operation in it.
fn adopted(text: &str, operation: &OperationView, described: &Value) -> Result<String, NotInserted> {
    let file = SourceFile::new("", text);
    let root = parse(&file).map_err(|_| NotInserted::Unreadable)?;
    let declared = root.get("paths").and_then(|paths| paths.entries()).unwrap_or_default();
    let known = declared
        .iter()
        .map(|entry| entry.key.text.as_str())
        .find(|path| unnamed(path) == unnamed(&operation.path));
    let method = operation.method.to_ascii_lowercase();
    let described = told(described, known.unwrap_or(&operation.path));
    if let Some(path) = known {
        let declared = root.get("paths").and_then(|paths| paths.get(path)).and_then(|item| item.get(&method));
        if let Some(declared) = declared {
            return calls::added(text, &["paths", path, &method], declared, &described);
        }
        return insert(text, &["paths", path], &method, &described);
    }
    let item = Value::Object(Map::from_iter([(method, described)]));
    insert(text, &["paths"], &operation.path, &item)
}

/// A path without its parameters' names.
fn unnamed(path: &str) -> Vec<&str> {
    path.split('{').map(|part| part.split_once('}').map_or(part, |(_, rest)| rest)).collect()
}

/// What a document says of an operation: without what is only known of its traffic, ids and schemes of ours, and with the
/// names the path gives its parameters.
fn told(described: &Value, path: &str) -> Value {
    let mut described = described.clone();
    if let Some(fields) = described.as_object_mut() {
        fields.retain(|name, _| name != "security" && name != "operationId");
    }
    let calls = calls::told(&described);
    forget_traffic(&mut described);
    if let (Some(calls), Some(fields)) = (calls, described.as_object_mut()) {
        fields.insert(calls::KEY.to_owned(), calls);
    }
    let mut names = path.split('{').skip(1).filter_map(|part| part.split('}').next());
    let parameters = described.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        if parameter.get("in").and_then(Value::as_str) == Some("path")
            && let Some(name) = names.next()
            && let Some(fields) = parameter.as_object_mut()
        {
            fields.insert("name".into(), name.into());
        }
    }
    described
}

/// Takes out what is only known of traffic, `x-portcullis-*`, at every depth.
fn forget_traffic(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.starts_with("x-portcullis-"));
            fields.values_mut().for_each(forget_traffic);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_traffic),
        _ => {}
    }
}
