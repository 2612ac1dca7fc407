//! Lists that come by URL: what is asked for them, and what may stand for one.
//!
//! Invariant: an answer without a single entry is taken for a failure of its server, and never for a list.

use std::path::PathBuf;

use bytes::Bytes;
use portcullis_document::Problem;
use portcullis_engine::lists::Entries;
use portcullis_policy::{List, WithoutList};

use super::{Kind, RemoteDocument, fetch};

/// What is fetched for a list, if it comes by URL.
pub(super) fn document(list: &List) -> Option<RemoteDocument> {
    let named = list.url.as_ref()?;
    Some(RemoteDocument {
        url: named.path.to_string(),
        place: named.place.clone(),
        copies: PathBuf::from(list.fetch.copies.path.as_str()),
        refresh: list.fetch.refresh,
        kind: Kind::Lists(vec![list.clone()]),
    })
}

/// Why an answer cannot be used as each of these lists, if so.
pub(super) fn mistake(lists: &[List], bytes: &Bytes) -> Option<String> {
    lists.iter().find_map(|list| match Entries::read(list, bytes) {
        Ok(entries) if entries.is_empty() => Some("it has no entries".to_owned()),
        Ok(_) => None,
        Err(bad) => {
            let first = bad.first()?;
            let line = first.line.map_or_else(String::new, |line| format!("line {line}: "));
            Some(format!("{line}{}", first.why))
        }
    })
}

/// An answer that is a list, if it is a document; else why it is none.
pub(super) fn with_entries(lists: &[List], answer: fetch::Answer) -> Result<fetch::Answer, String> {
    let wrong =
        if let fetch::Answer::Document(fresh) = &answer { mistake(lists, &fresh.bytes) } else { None };
    wrong.map_or(Ok(answer), |why| Err(format!("it has mistakes: {why}")))
}

/// What is said of a list that could not be had, now or before.
pub(super) fn never_came(lists: &[List], unreachable: String) -> Problem {
    if lists.iter().any(|list| list.fetch.on_failure == WithoutList::Refuse) {
        let problem = Problem::error("app.no_document", unreachable);
        return problem.remedy("there is no copy from before; with `fetch: { on_failure: empty }` it would be empty until it comes");
    }
    Problem::warning("app.no_list", unreachable).label("until it is, this list is empty")
}
