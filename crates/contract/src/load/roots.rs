//! Which documents a contract begins with: those that were named, and every one in a folder that was.
//!
//! Invariants: a folder's documents come by name; a file in it that does not say it is OpenAPI is a part that others may
//! refer to, where a file that was named itself must be one.

use portcullis_document::{Problem, Sources, join};

use super::Format;
use super::library::{Library, Located};

/// Endings of OpenAPI documents.
const ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];

/// The documents to begin with.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    all: Vec<Root>,
}

#[derive(Debug)]
struct Root {
    path: String,
    from: From,
}

/// How a document came to be one to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Name,
    Folder,
}

/// Finds the documents in folders; a folder without any is a mistake.
pub(crate) fn expand(roots: &[&str], sources: &dyn Sources, problems: &mut Vec<Problem>) -> Roots {
    let mut found = Roots::default();
    for root in roots {
        let Ok(mut names) = sources.list(root) else {
            found.all.push(Root { path: (*root).to_owned(), from: From::Name });
            continue;
        };
        names.retain(|name| is_document(name));
        names.sort_unstable();
        if names.is_empty() {
            let message = format!("there is no document in `{root}`");
            let problem = Problem::error("contract.empty_folder", message);
            problems.push(problem.remedy("documents end in .yaml, .yml or .json (or .graphql, .binpb)"));
        }
        let folder = format!("{}/", root.trim_end_matches('/'));
        let inside = names.iter().map(|name| Root { path: join(&folder, name), from: From::Folder });
        found.all.extend(inside);
    }
    found
}

fn is_document(name: &str) -> bool {
    let is_openapi = ENDINGS.iter().any(|ending| name.ends_with(ending));
    is_openapi || Format::of(name) != Format::OpenApi
}

impl Roots {
    /// Their paths.
    pub(crate) fn paths(&self) -> Vec<&str> {
        self.all.iter().map(|root| root.path.as_str()).collect()
    }

    /// Those that are documents of their own, once they are read.
    pub(crate) fn documents<'l>(&self, library: &'l Library) -> Vec<Located<'l>> {
        let says = |at: &Located<'_>| ["openapi", "swagger"].iter().any(|key| at.node.get(key).is_some());
        let read = self.all.iter().filter_map(|root| Some((root, library.root(&root.path)?)));
        read.filter(|(root, at)| root.from == From::Name || says(at)).map(|(_, at)| at).collect()
    }
}
