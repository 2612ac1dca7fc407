//! Contracts, key sets and lists that come by URL: fetched when a policy is loaded, kept on disk, asked for again while
//! the gateway runs.
//!
//! Invariants: the data plane never waits for a fetch; a running gateway uses the kept copy at once and asks later; a copy
//! is replaced only by a document that can be read, so an outage or a broken document leaves the last good one in place,
//! keys only for as long as policy says: then there are none, and no token passes. A contract is replaced with all its
//! parts, or not at all. What stands in a URL beside server and path is told nobody.

mod copies;
mod feeds;
mod fetch;
mod figures;
mod parts;
mod refresh;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use portcullis_document::{Place, Problem, SourceError};
use portcullis_policy::{ContractRef, Credential, DocumentRef, FileRef, List, Policy, Provider};
use smol_str::SmolStr;

use crate::load::Purpose;
use copies::Copy;
pub(crate) use fetch::authorities;
pub(crate) use figures::{Fetches, ListFigures};
use parts::Documents;
pub(crate) use refresh::Refreshing;

/// A document that policy names by its URL.
#[derive(Clone, Debug)]
pub(crate) struct RemoteDocument {
    url: String,
    place: Place,
    copies: PathBuf,
    refresh: Duration,
    kind: Kind,
}

/// What a document is of.
#[derive(Clone, Debug)]
enum Kind {
    /// With the authorities in whose name its server speaks, if not the web's.
    Contract {
        ca: Option<PathBuf>,
    },
    Keys(Keys),
    /// All lists that are read from it.
    Lists(Vec<List>),
}

/// A key set, or the issuer's word where it is.
#[derive(Clone, Debug)]
struct Keys {
    /// What the issuer's configuration must call itself, where the URL is of that.
    issuer: Option<SmolStr>,
    /// How long a copy is good without word from the issuer.
    keep: Duration,
    /// How soon it is asked again because a token names another key.
    unknown_key: Duration,
    /// The authorities in whose name its server speaks, if not the web's.
    ca: Option<PathBuf>,
}

/// A key set without keys: what stands for one that cannot be had.
const NO_KEYS: &[u8] = br#"{"keys":[]}"#;

impl RemoteDocument {
    /// What it is, for people.
    fn what(&self) -> &'static str {
        match self.kind {
            Kind::Contract { .. } => "contract",
            Kind::Keys(_) => "key set",
            Kind::Lists(_) => "list",
        }
    }

    /// Its name in figures, and for people: a list's own, else server and path.
    fn name(&self) -> SmolStr {
        match &self.kind {
            Kind::Lists(lists) => lists.first().map(|list| list.name.clone()).unwrap_or_default(),
            Kind::Contract { .. } | Kind::Keys(_) => self.shown().into(),
        }
    }

    /// Its URL without what may be secret of it: credentials and query.
    fn shown(&self) -> String {
        self.named().shown()
    }

    fn named(&self) -> DocumentRef {
        DocumentRef { path: self.url.as_str().into(), place: self.place.clone() }
    }

    /// A problem with it, at its place, of which nothing is shown that may be secret.
    fn placed(&self, problem: Problem) -> Problem {
        let problem = problem.at(&self.place);
        if self.named().has_secret() { problem.concealed() } else { problem }
    }

    /// Whether a copy that old may still be used.
    fn is_good(&self, age: Duration) -> bool {
        match &self.kind {
            Kind::Contract { .. } | Kind::Lists(_) => true,
            Kind::Keys(keys) => age <= keys.keep,
        }
    }

    /// Whether a copy is one that policy, as it is now, can read: it may have been written another way before.
    fn is_readable(&self, bytes: &Bytes) -> bool {
        match &self.kind {
            Kind::Lists(lists) => feeds::mistake(lists, bytes).is_none(),
            Kind::Contract { .. } | Kind::Keys(_) => true,
        }
    }
}

/// What came of a document when its policy was loaded.
#[derive(Clone, Debug)]
pub(crate) struct Gathered {
    /// Its URL.
    pub(crate) url: String,
    /// What was done, in words: `fetched, 1204 bytes`.
    pub(crate) what: String,
}

/// The documents of a policy that came by URL.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remote {
    documents: Documents,
    /// Lists that could not be had and have no entries until they are.
    absent: BTreeSet<String>,
    /// What was done for each.
    pub(crate) gathered: Vec<Gathered>,
}

impl Remote {
    /// A document's bytes; those of one that could not be had were said to be missing when it was asked for.
    pub(crate) fn read(&self, url: &str) -> Result<Bytes, SourceError> {
        if self.absent.contains(url) {
            return Err(SourceError::Missing);
        }
        let failed = || SourceError::Failed("it could not be fetched".to_owned());
        self.documents.get(url).cloned().ok_or_else(failed)
    }
}

/// Every document that policy names by URL, once.
pub(crate) fn documents(policy: &Policy) -> Vec<RemoteDocument> {
    let mut found: Vec<RemoteDocument> = Vec::new();
    let contracts =
        policy.sites.iter().filter_map(|site| site.contract.as_ref()).flat_map(contract_documents);
    let keys = policy.providers.iter().filter_map(key_document);
    for document in contracts.chain(keys).chain(policy.lists.iter().filter_map(feeds::document)) {
        match found.iter_mut().find(|known| known.url == document.url) {
            Some(known) => known.take_in(document),
            None => found.push(document),
        }
    }
    found
}

impl RemoteDocument {
    /// Lists may be read from one document together.
    fn take_in(&mut self, other: Self) {
        if let (Kind::Lists(lists), Kind::Lists(more)) = (&mut self.kind, other.kind) {
            lists.extend(more);
            self.refresh = self.refresh.min(other.refresh);
        }
    }
}

fn contract_documents(contract: &ContractRef) -> impl Iterator<Item = RemoteDocument> {
    let named = contract.files.iter().chain(&contract.former).filter(|named| named.is_remote());
    named.map(|named| RemoteDocument {
        url: named.path.to_string(),
        place: named.place.clone(),
        copies: PathBuf::from(contract.copies.path.as_str()),
        refresh: contract.refresh,
        kind: Kind::Contract { ca: file(contract.ca.as_ref()) },
    })
}

fn file(named: Option<&FileRef>) -> Option<PathBuf> {
    named.map(|file| PathBuf::from(file.path.as_str()))
}

/// The key set of a provider, if it comes by URL.
fn key_document(provider: &Provider) -> Option<RemoteDocument> {
    let (named, issuer, fetch) = match &provider.credential {
        Credential::Jwt(jwt) => {
            (jwt.key_set()?, jwt.issuer.clone().filter(|_| jwt.is_discovered()), &jwt.fetch)
        }
        Credential::Oidc(oidc) => (oidc.configuration(), Some(oidc.issuer.clone()), &oidc.fetch),
        _ => return None,
    };
    let named = Some(named).filter(DocumentRef::is_remote)?;
    let keys = Keys { issuer, keep: fetch.keep, unknown_key: fetch.unknown_key, ca: file(fetch.ca.as_ref()) };
    Some(RemoteDocument {
        url: named.path.to_string(),
        place: named.place,
        copies: PathBuf::from(fetch.copies.path.as_str()),
        refresh: fetch.refresh,
        kind: Kind::Keys(keys),
    })
}

/// Gets every document of a policy. To serve, a kept copy is good enough, for it is asked for again soon after; to look,
/// each is asked for, and nothing is kept.
pub(crate) fn gather(policy: &Policy, purpose: Purpose, problems: &mut Vec<Problem>) -> Remote {
    let mut remote = Remote::default();
    for document in documents(policy) {
        remote.take(&document, purpose, problems);
        if matches!(document.kind, Kind::Contract { .. }) {
            remote.take_parts(&document, purpose, problems);
        }
    }
    remote
}

impl Remote {
    fn take(&mut self, document: &RemoteDocument, purpose: Purpose, problems: &mut Vec<Problem>) {
        let kept = Copy::read(document)
            .filter(|kept| document.is_good(kept.age) && document.is_readable(&kept.bytes));
        let (bytes, what) = match (kept, purpose) {
            (Some(kept), Purpose::Serve) => (Some(kept.bytes), "the kept copy is used".to_owned()),
            (kept, _) => ask(document, kept, purpose, problems),
        };
        self.gathered.push(Gathered { url: document.shown(), what });
        if bytes.is_none() && matches!(document.kind, Kind::Lists(_)) {
            self.absent.insert(document.url.clone());
        }
        self.documents.extend(bytes.map(|bytes| (document.url.clone(), bytes)));
    }

    /// Takes what a contract refers to, and what that refers to, each once.
    fn take_parts(&mut self, root: &RemoteDocument, purpose: Purpose, problems: &mut Vec<Problem>) {
        let mut asked = BTreeSet::from([root.url.clone()]);
        loop {
            let mut missing = parts::missing(root, &self.documents);
            missing.retain(|part| asked.insert(part.url.clone()));
            if missing.is_empty() {
                return;
            }
            if asked.len() > parts::MOST {
                let problem = Problem::error("app.too_many_documents", too_many(root)).at(&root.place);
                return problems.push(problem.remedy("bundle it into one document"));
            }
            for part in &missing {
                self.take(part, purpose, problems);
            }
        }
    }
}

fn too_many(root: &RemoteDocument) -> String {
    format!("`{}` refers to more than {} documents", root.shown(), parts::MOST)
}

fn ask(
    document: &RemoteDocument,
    kept: Option<Copy>,
    purpose: Purpose,
    problems: &mut Vec<Problem>,
) -> (Option<Bytes>, String) {
    let answer = fetch::now(document).and_then(|answer| match &document.kind {
        // Its mistakes are shown where they are, once it is compiled.
        Kind::Contract { .. } => Ok(answer),
        Kind::Keys(_) => refresh::with_keys(answer),
        Kind::Lists(lists) => feeds::with_entries(lists, answer),
    });
    match answer {
        Ok(fetch::Answer::Document(fresh)) => {
            let what = format!("fetched, {} bytes", fresh.bytes.len());
            if purpose == Purpose::Serve
                && let Err(why) = fresh.keep(document)
            {
                problems.push(cannot_keep(document, &why));
            }
            (Some(fresh.bytes), what)
        }
        Ok(fetch::Answer::Unchanged { .. }) => (kept.map(|kept| kept.bytes), "it has not changed".to_owned()),
        Err(why) => do_without(document, kept, &why, problems),
    }
}

/// What is used of a document that cannot be had: the copy from before; without one, a key set without keys.
fn do_without(
    document: &RemoteDocument,
    kept: Option<Copy>,
    why: &str,
    problems: &mut Vec<Problem>,
) -> (Option<Bytes>, String) {
    let unreachable = format!("`{}` could not be fetched: {why}", document.shown());
    let what = match kept {
        Some(_) => format!("not fetched ({why}): the kept copy is used"),
        None => format!("not fetched: {why}"),
    };
    let (problem, used) = match (kept, &document.kind) {
        (Some(kept), _) => {
            let problem = Problem::warning("app.kept_document", unreachable);
            (problem.label("the copy from before is used"), Some(kept.bytes))
        }
        (None, Kind::Keys(_)) => {
            let problem = Problem::warning("app.no_keys", unreachable);
            (problem.label("until it is, none of these tokens passes"), Some(Bytes::from_static(NO_KEYS)))
        }
        (None, Kind::Lists(lists)) => (feeds::never_came(lists, unreachable), None),
        (None, Kind::Contract { .. }) => {
            let problem = Problem::error("app.no_document", unreachable);
            (problem.remedy("there is no copy from before; save it to a file and name that"), None)
        }
    };
    problems.push(document.placed(problem));
    (used, what)
}

fn cannot_keep(document: &RemoteDocument, why: &std::io::Error) -> Problem {
    let message =
        format!("no copy of `{}` can be kept in {}: {why}", document.shown(), document.copies.display());
    document.placed(Problem::warning("app.no_copy", message))
}

/// Fetches one document, without keeping it: for commands that take a URL in the place of a file.
pub(crate) fn read_once(url: &str) -> Result<Bytes, SourceError> {
    fetch::read_once(url).map_err(SourceError::Failed)
}

/// Whether a path names a document on the network.
pub(crate) fn is_url(path: &str) -> bool {
    path.starts_with("https://") || path.starts_with("http://")
}
