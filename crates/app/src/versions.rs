//! `portcullis api diff`: two versions of a document, told apart.
//!
//! Invariant: where a version cannot be read nothing is compared, for all of it would seem to be gone.

use std::path::Path;

use portcullis_contract::diff::{Change, Impact, diff};
use portcullis_document::Severity;
use serde_json::json;

use crate::files::FileSources;
use crate::output::{self, Audience};
use crate::{Exit, check, cli};

/// Carries out the command.
pub(crate) fn run(audience: Audience, options: &cli::Diff, new: &Path) -> Exit {
    let (old, new) = (options.old.to_string_lossy(), new.to_string_lossy());
    let diffed = diff(&[&old], &[&new], &FileSources);
    if !diffed.problems.is_empty() {
        output::say(&check::rendered(&diffed.problems));
    }
    if diffed.problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Exit::No;
    }
    let least = if options.breaking { Impact::Breaking } else { Impact::Compatible };
    let shown: Vec<&Change> = diffed.changes.iter().filter(|change| change.impact >= least).collect();
    match audience {
        Audience::Programs => output::json(&json!({
            "breaking": diffed.breaks(),
            "changes": shown.iter().map(|change| change.to_json()).collect::<Vec<_>>(),
        })),
        Audience::People => output::print(&told(&shown)),
    };
    if diffed.breaks() { Exit::No } else { Exit::Done }
}

fn told(changes: &[&Change]) -> String {
    if changes.is_empty() {
        return "no changes\n".to_owned();
    }
    let mut table = output::table(&["", "operation", "what of it", "", "", "where"]);
    for change in changes {
        let mark = if change.impact == Impact::Breaking { "breaks" } else { "" };
        let place = format!("{}:{}", change.place.file().name(), change.place.line());
        table.add_row([
            mark,
            &output::shown(&change.operation),
            &output::shown(&change.subject),
            change.kind.as_str(),
            &output::shown(&change.what),
            &place,
        ]);
    }
    let breaking = changes.iter().filter(|change| change.impact == Impact::Breaking).count();
    let count = if changes.len() == 1 { "1 change".to_owned() } else { format!("{} changes", changes.len()) };
    format!("{table}\n{count}, {breaking} breaking\n")
}
