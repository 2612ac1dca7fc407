//! Documents of thirty real services, found through `PORTCULLIS_CORPORA`: all load, and every path and method
//! they declare is found again. Without the corpus this says so and checks nothing.

#![allow(clippy::disallowed_methods, reason = "a test reads its corpus")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may be loud")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use portcullis_contract::{Contract, Found, Purpose, load};
use portcullis_document::{MemorySources, Severity, Style, render};

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

fn documents() -> Vec<PathBuf> {
    let Some(corpora) = std::env::var_os("PORTCULLIS_CORPORA") else {
        eprintln!("skipped: PORTCULLIS_CORPORA does not name the corpus folder");
        return Vec::new();
    };
    let folder = Path::new(&corpora).join("openapi");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    assert!(paths.len() >= 30, "the corpus has thirty documents, found {}", paths.len());
    paths
}

/// The decoded segments of a path that a template matches, under the base path of one of the operations.
fn example(template: &str) -> Vec<String> {
    let mut filled = String::new();
    let mut inside = false;
    for char in template.split(['?', '#']).next().unwrap().chars() {
        match char {
            '{' => {
                inside = true;
                filled.push('7');
            }
            '}' => inside = false,
            _ if inside => {}
            plain => filled.push(plain),
        }
    }
    filled.trim_start_matches('/').split('/').map(str::to_owned).collect()
}

/// The base paths in use: what stands before a path of the document in the templates of its contract.
fn bases(contract: &Contract, paths: &serde_json::Map<String, serde_json::Value>) -> BTreeSet<String> {
    let templates = contract.operations().iter().map(|operation| operation.template.as_str());
    let before =
        templates.flat_map(|template| paths.keys().filter_map(|path| template.strip_suffix(path.as_str())));
    before.map(str::to_owned).collect()
}

fn is_found(contract: &Contract, bases: &BTreeSet<String>, path: &str, method: &str) -> bool {
    let method = method.to_uppercase().parse().unwrap();
    bases.iter().any(|base| {
        let segments = example(&format!("{base}{path}"));
        matches!(contract.find(&method, &segments), Found::Operation(operation, _) if operation.method == method)
    })
}

#[test]
fn every_document_loads_and_finds_what_it_declares() {
    for path in documents() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read(&path).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let loaded = load("corpus", &[name], Purpose::Check, &MemorySources::new().file(name, text));
        let warnings = loaded.problems.iter().filter(|problem| problem.severity == Severity::Warning).count();
        let Some(contract) = loaded.contract else {
            panic!("{name}:\n{}", render(&loaded.problems, Style::Plain));
        };
        eprintln!("{name}: {} operations, {warnings} warnings", contract.operations().len());
        let paths = json["paths"].as_object().unwrap();
        let bases = bases(&contract, paths);
        for (path, item) in paths {
            for method in item.as_object().unwrap().keys().filter(|key| METHODS.contains(&key.as_str())) {
                assert!(is_found(&contract, &bases, path, method), "{name}: {method} {path} is not found");
            }
        }
    }
}
