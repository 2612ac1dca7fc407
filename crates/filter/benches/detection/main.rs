//! What the built-in pack catches and what it takes for an attack: corpora against benign requests, by class.
//!
//! `cargo xtask bench detection`. Every case is put into one of two halves by a hash of its content; the pack is tuned
//! on the first only, and cases of the second are never shown. `--misses N` and `--false N` print up to N cases of the
//! first half each; `--class WORD` restricts what is printed; `--every N` takes a sample of the benign requests.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::format_collect,
    reason = "a bench stops loudly and prints"
)]

mod attacks;
mod case;
mod code;
mod dice;
mod people;
mod prose;
mod schemas;
mod table;

use std::path::PathBuf;

use portcullis_filter::builtin::{Level, Pack, PackConfig, Workspace};

use case::Case;
use table::Table;

struct Options {
    misses: usize,
    false_positives: usize,
    class: Option<String>,
    /// Only every so many benign cases are judged.
    every: usize,
    seen: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        arguments.iter().position(|argument| argument == name).map(|at| arguments[at + 1].clone())
    };
    let number = |name| value(name).map_or(0, |text| text.parse().unwrap());
    let options = Options {
        misses: number("--misses"),
        false_positives: number("--false"),
        class: value("--class"),
        every: number("--every").max(1),
        seen: 0,
    };
    let Some(corpora) = std::env::var_os("PORTCULLIS_CORPORA").map(PathBuf::from) else {
        println!("skipped: PORTCULLIS_CORPORA is not set");
        return;
    };
    let mut judge = Judge::new(options);
    for case in attacks::read(&corpora) {
        judge.see(&case);
    }
    for case in attacks::benign(&corpora) {
        judge.see(&case);
    }
    schemas::generate(&corpora, &mut |case| judge.see(&case));
    people::generate(&mut |case| judge.see(&case));
    prose::generate(&mut |case| judge.see(&case));
    code::generate(&mut |case| judge.see(&case));
    judge.table.print();
}

/// Shows cases to the pack at levels 1 and 2.
struct Judge {
    packs: [Pack; 2],
    workspaces: [Workspace; 2],
    options: Options,
    table: Table,
}

impl Judge {
    fn new(options: Options) -> Self {
        let pack = |level| Pack::new(&PackConfig { level, ..PackConfig::default() }).unwrap();
        Self {
            packs: [pack(Level::ONE), pack(Level::TWO)],
            workspaces: Default::default(),
            options,
            table: Table::default(),
        }
    }

    fn see(&mut self, case: &Case) {
        self.options.seen += 1;
        if !case.attack && !self.options.seen.is_multiple_of(self.options.every) {
            return;
        }
        let mut hits = [false; 2];
        let mut said = String::new();
        for (place, pack) in self.packs.iter().enumerate() {
            let found = case.inspect(pack, &mut self.workspaces[place]);
            hits[place] = !found.is_empty();
            if place == 1 {
                said = found.join(", ");
            }
        }
        self.table.add(case, hits);
        self.show(case, hits, &said);
    }

    fn show(&mut self, case: &Case, hits: [bool; 2], said: &str) {
        let wanted = self.options.class.as_ref().is_none_or(|class| case.class.contains(class.as_str()));
        if case.is_held_out() || !wanted {
            return;
        }
        if case.attack && !hits[1] && self.options.misses > 0 {
            self.options.misses -= 1;
            println!("missed   {:<24} {}", case.class, case.excerpt());
        }
        if !case.attack && hits[1] && self.options.false_positives > 0 {
            self.options.false_positives -= 1;
            println!(
                "false {} {:<24} {}  <- {said}",
                if hits[0] { "1" } else { "2" },
                case.class,
                case.excerpt()
            );
        }
    }
}
