//! The confusion table.

use std::collections::BTreeMap;

use crate::case::Case;

#[derive(Default, Clone, Copy)]
struct Count {
    cases: usize,
    hits: [usize; 2],
}

#[derive(Default)]
pub(crate) struct Table {
    rows: BTreeMap<(bool, String), [Count; 2]>,
}

impl Table {
    pub(crate) fn add(&mut self, case: &Case, hits: [bool; 2]) {
        let halves = self.rows.entry((!case.attack, case.class.clone())).or_default();
        let count = &mut halves[usize::from(case.is_held_out())];
        count.cases += 1;
        for (total, hit) in count.hits.iter_mut().zip(hits) {
            *total += usize::from(hit);
        }
    }

    pub(crate) fn print(&self) {
        for benign in [false, true] {
            println!(
                "\n{}",
                if benign { "benign requests: hits (per 1,000)" } else { "attacks: caught (percent)" }
            );
            println!("{:<28}|{:^39}|{:^39}", "", "tuned on", "held out");
            println!(
                "{:<28}|{:>8} {:>14} {:>14} |{:>8} {:>14} {:>14}",
                "class", "cases", "level 1", "level 2", "cases", "level 1", "level 2"
            );
            let mut total = [Count::default(); 2];
            for ((_, class), halves) in self.rows.iter().filter(|((row, _), _)| *row == benign) {
                print_row(class, halves, benign);
                // Encoded forms of the same payloads are shown, not counted.
                if class.contains('+') {
                    continue;
                }
                for (sum, half) in total.iter_mut().zip(halves) {
                    sum.cases += half.cases;
                    for (sum, hits) in sum.hits.iter_mut().zip(half.hits) {
                        *sum += hits;
                    }
                }
            }
            print_row("all", &total, benign);
        }
    }
}

fn print_row(class: &str, halves: &[Count; 2], benign: bool) {
    print!("{class:<28}");
    for half in halves {
        print!("|{:>8}", half.cases);
        for hits in half.hits {
            let share = hits as f64 / half.cases.max(1) as f64;
            if benign {
                print!(" {hits:>6} ({:>5.2})", share * 1000.0);
            } else {
                print!(" {hits:>6} ({:>5.1})", share * 100.0);
            }
        }
        print!(" ");
    }
    println!();
}
