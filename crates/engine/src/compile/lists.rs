//! Lists: their networks, and the entries of their files.

use portcullis_document::{Place, Problem, SourceFile};

use crate::lists::{BadLine, List};

use super::Work;

/// Mistakes shown of one file; the rest are counted.
const MOST_SHOWN: usize = 20;

pub(super) fn compile(work: &mut Work<'_>) -> Vec<List> {
    let policy = work.policy;
    policy.lists.iter().map(|list| compile_one(work, list)).collect()
}

fn compile_one(work: &mut Work<'_>, list: &portcullis_policy::List) -> List {
    let text = list.file.as_ref().and_then(|file| Some((file.path.to_string(), work.text(file)?)));
    let (path, text) = text.unwrap_or_default();
    match List::compile(&list.name, &list.ranges, &text) {
        Ok(list) => list,
        Err(bad) => {
            report(work, &path, &text, &bad);
            List::default()
        }
    }
}

fn report(work: &mut Work<'_>, path: &str, text: &str, bad: &[BadLine]) {
    let file = SourceFile::new(path, text);
    for BadLine { line, text: entry } in bad.iter().take(MOST_SHOWN) {
        let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
        let length = text.get(start..).and_then(|rest| rest.lines().next()).map_or(0, str::len);
        let message = format!("`{entry}` looks like an address and is none");
        let problem =
            Problem::error("engine.bad_address", message).at(&Place::new(&file, start..start + length));
        work.problems
            .push(problem.remedy("write an address, a prefix like 203.0.113.0/24, or a range first-last"));
    }
    if bad.len() > MOST_SHOWN {
        let message = format!("{} more lines of `{path}` are no addresses either", bad.len() - MOST_SHOWN);
        work.problems.push(Problem::error("engine.bad_address", message));
    }
}
