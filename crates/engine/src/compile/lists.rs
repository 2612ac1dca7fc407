//! Lists: their networks, and the entries of their files and of what comes by URL.
//!
//! What a host says is missing behind a URL is a list without entries: it has asked, and told what policy says of that.

use portcullis_document::{Place, Problem, SourceError, SourceFile};

use crate::lists::{BadEntry, Entries, List};

use super::Work;

/// Mistakes shown of one file; the rest are counted.
const MOST_SHOWN: usize = 20;

pub(super) fn compile(work: &mut Work<'_>) -> Vec<List> {
    let policy = work.policy;
    policy.lists.iter().map(|list| compile_one(work, list)).collect()
}

fn compile_one(work: &mut Work<'_>, list: &portcullis_policy::List) -> List {
    let file = list.file.as_ref().and_then(|file| {
        let bytes = work.bytes(file)?;
        read(work, list, (&file.path, &file.place), &bytes)
    });
    let feed = list.url.as_ref().and_then(|url| match work.sources.read(&url.path) {
        Ok(bytes) => read(work, list, (&url.shown(), &url.place), &bytes),
        Err(SourceError::Missing) => None,
        Err(error) => {
            work.unreadable(&url.shown(), &url.place, &error.to_string());
            None
        }
    });
    List::compile(&list.name, &list.ranges, file.into_iter().chain(feed))
}

fn read(
    work: &mut Work<'_>,
    list: &portcullis_policy::List,
    from: (&str, &Place),
    bytes: &[u8],
) -> Option<Entries> {
    Entries::read(list, bytes).map_err(|bad| report(work, from, bytes, &bad)).ok()
}

fn report(work: &mut Work<'_>, (path, named): (&str, &Place), bytes: &[u8], bad: &[BadEntry]) {
    let text = String::from_utf8_lossy(bytes);
    let file = SourceFile::new(path, text.as_ref());
    for BadEntry { line, why } in bad.iter().take(MOST_SHOWN) {
        let problem = match line {
            Some(line) => {
                let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
                let length = text.get(start..).and_then(|rest| rest.lines().next()).map_or(0, str::len);
                Problem::error("engine.bad_address", why.clone())
                    .at(&Place::new(&file, start..start + length))
            }
            None => Problem::error("engine.bad_list", format!("`{path}`: {why}")).at(named),
        };
        let remedy = if line.is_some() && why.contains("address") {
            problem.remedy("write an address, a prefix like 203.0.113.0/24, or a range first-last")
        } else {
            problem
        };
        work.problems.push(remedy);
    }
    if bad.len() > MOST_SHOWN {
        let message = format!("`{path}` has more such entries");
        work.problems.push(Problem::error("engine.bad_address", message).at(named));
    }
}
