//! From a site's documents to its contract, or to every problem with its place.
//!
//! Lenient where documents in use are (with a warning), strict where leniency would change who may call what.
//! Reading goes on after a mistake so that all are reported at once.

pub(crate) mod calls;
mod format;
mod graphql;
pub(crate) mod library;
pub(crate) mod outline;
mod paths;
mod protobuf;
mod reference;
mod requests;
pub(crate) mod roots;
mod schemas;
mod security;
mod servers;
mod surface;
mod told;

use portcullis_document::{Node, Place, Problem, Severity, Sources};

pub use format::Format;

use crate::contract::Contract;
use library::{Library, Located};

/// What loading gave.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The contract; absent if any problem is an error.
    pub contract: Option<Contract>,
    /// Mistakes and warnings, in the order met.
    pub problems: Vec<Problem>,
    /// Every document read or looked for, the roots first: what to watch for changes.
    pub files: Vec<String>,
}

/// What a contract is loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To find operations.
    Find,
    /// To hold requests against what operations declare, too: schemas are compiled.
    Check,
    /// To hold responses against it as well.
    Exchanges,
}

/// The documents of a contract: of the version in force, and of those before it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Versions<'a> {
    /// What is declared.
    pub current: &'a [&'a str],
    /// What was; of these only operations are read.
    pub former: &'a [&'a str],
}

/// Loads the contract of `site` from the documents at `roots` (OpenAPI 3.0, 3.1, Swagger 2.0, as YAML or JSON; schemas of
/// GraphQL; descriptor sets of protocol buffers; of a folder every document in it) and all they refer to.
pub fn load(site: &str, roots: &[&str], purpose: Purpose, sources: &dyn Sources) -> Loaded {
    load_versions(site, Versions { current: roots, former: &[] }, purpose, sources)
}

/// The same, with operations that only former versions declare as [retired](Contract::retired).
pub fn load_versions(site: &str, versions: Versions<'_>, purpose: Purpose, sources: &dyn Sources) -> Loaded {
    let mut problems = Vec::new();
    let (mut contract, mut files) = read(site, versions.current, purpose, sources, &mut problems);
    for former in versions.former {
        let (retired, read) = read(site, &[former], Purpose::Find, sources, &mut problems);
        retired.operations().iter().for_each(|operation| contract.retire(operation));
        files.extend(read);
    }
    let usable = problems.iter().all(|problem| problem.severity < Severity::Error);
    Loaded { contract: usable.then_some(contract), problems, files }
}

/// One version, and every document of it.
fn read(
    site: &str,
    roots: &[&str],
    purpose: Purpose,
    sources: &dyn Sources,
    problems: &mut Vec<Problem>,
) -> (Contract, Vec<String>) {
    let found = roots::expand(roots, sources, problems);
    let library = Library::read(&found.paths(), sources, problems);
    let mut contract = Contract::default();
    for root in found.documents(&library) {
        read_root(site, root, purpose, &library, &mut contract, problems);
    }
    problems.extend(library.dangling(problems));
    (contract, library.files().to_vec())
}

/// A document's first key, to point at when the document as a whole is meant.
fn beginning(root: &Node) -> &Place {
    root.entries().and_then(<[_]>::first).map_or(&root.place, |entry| &entry.key.place)
}

/// Which format a document says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Swagger2,
    OpenApi3,
}

fn read_root<'l>(
    site: &str,
    root: Located<'l>,
    purpose: Purpose,
    library: &'l Library,
    contract: &mut Contract,
    problems: &mut Vec<Problem>,
) {
    let Some(dialect) = read_dialect(root, problems) else { return };
    read_schemes(root, dialect, library, contract, problems);
    let bases = match dialect {
        Dialect::Swagger2 => servers::read_base_path(root.node, problems),
        Dialect::OpenApi3 => {
            servers::read_servers(root.node.get("servers"), problems).unwrap_or_else(|| vec![String::new()])
        }
    };
    let security = security::read_security(root.node.get("security"), contract.schemes(), problems);
    let before = contract.operations().len();
    let bodies = (purpose != Purpose::Find)
        .then(|| requests::Requests::new(library, root, purpose, contract.schemes()));
    let mut reader = paths::Reader {
        site,
        root: root.path,
        library,
        document: root,
        known: surface::Known::new(),
        contract,
        problems,
        bodies,
    };
    reader.read_paths(root, &paths::Inherited { bases, security });
    if contract.operations().len() == before && problems.iter().all(|one| one.severity < Severity::Error) {
        let message = format!("`{}` declares no operation", root.path);
        problems.push(
            Problem::warning("contract.empty", message)
                .at(beginning(root.node))
                .label("nothing callable in here")
                .remedy("declare operations under `paths`"),
        );
    }
}

fn read_dialect(root: Located<'_>, problems: &mut Vec<Problem>) -> Option<Dialect> {
    let Some(version) = root.node.get("openapi").or_else(|| root.node.get("swagger")) else {
        let message =
            format!("`{}` is not an OpenAPI document: it does not say `openapi` or `swagger`", root.path);
        problems.push(
            Problem::error("contract.not_openapi", message)
                .at(beginning(root.node))
                .remedy("begin it with `openapi: 3.1.0` (or `swagger: \"2.0\"`)"),
        );
        return None;
    };
    let text = version.as_str().unwrap_or_else(|| version.place.text());
    match text.split('.').collect::<Vec<_>>().as_slice() {
        ["2", "0", ..] | ["2"] => Some(Dialect::Swagger2),
        ["3", "0" | "1", ..] | ["3"] => Some(Dialect::OpenApi3),
        ["3", ..] => {
            let message = format!("OpenAPI {text} is newer than what is known here");
            problems
                .push(Problem::warning("contract.version", message).at(&version.place).label("read as 3.1"));
            Some(Dialect::OpenApi3)
        }
        _ => {
            let message = format!("`{text}` is not a version of OpenAPI this reads");
            problems.push(
                Problem::error("contract.version", message)
                    .at(&version.place)
                    .remedy("3.1, 3.0 and 2.0 are read"),
            );
            None
        }
    }
}

fn read_schemes(
    root: Located<'_>,
    dialect: Dialect,
    library: &Library,
    contract: &mut Contract,
    problems: &mut Vec<Problem>,
) {
    let declared = match dialect {
        Dialect::Swagger2 => root.node.get("securityDefinitions"),
        Dialect::OpenApi3 => root.node.get("components").and_then(|all| all.get("securitySchemes")),
    };
    for entry in declared.and_then(Node::entries).unwrap_or_default() {
        match library.follow(Located { node: &entry.value, ..root }) {
            Ok(scheme) => {
                let read = security::read_scheme(&entry.key.text, scheme.node);
                if let Err(known) = contract.declare_scheme(read) {
                    problems.push(scheme_clash(entry, known));
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
}

/// The name means one thing where operations ask for it, so two documents must mean the same by it.
fn scheme_clash(entry: &portcullis_document::Entry, known: &crate::operation::Scheme) -> Problem {
    let message =
        format!("the security scheme `{}` is declared otherwise in another document", entry.key.text);
    Problem::error("contract.scheme_clash", message)
        .at(&entry.key.place)
        .also(&known.place, format!("here it is `{}`", known.kind))
        .remedy("give one of them another name")
}

#[cfg(test)]
mod tests;
