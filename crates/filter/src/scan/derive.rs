//! From a pattern to what must hold of every value it matches.
//!
//! Works from the leaves up. For each part it knows the runs every match begins with and ends with, whether those runs
//! are the whole of it, and what else a match needs. Where two parts meet, an ending and a beginning make a longer run.
//! Invariant: the empty run stands for "unknown" among beginnings and endings, so that forgetting is always sound.

use smallvec::SmallVec;

use super::bytes::ByteSet;
use super::fold::{folded_set, unfold};
use super::necessary::Necessary;
use super::pattern::Pattern;
use super::text::{Place, Run, Text, byte_of};

/// Runs made by putting endings before beginnings; more are cut shorter first.
const CROSSED_RUNS: usize = 160;
/// Runs kept as beginnings or endings of a part that has more to it.
const KEPT_RUNS: usize = 96;
/// Runs of an alternation that is nothing else: word lists.
const LISTED_RUNS: usize = 4_096;
/// Places in a run; longer ones are cut.
const RUN_PLACES: usize = 24;
/// Bytes of a class that are spelled out as runs; larger classes stay sets.
const SPELLED_BYTES: usize = 12;
/// Copies of a repeated part that are looked at.
const COPIES: u32 = 4;

/// What the alphabets of ordinary values leave out, fewest bytes first. A pattern is looked at once for each, because
/// one that may be interrupted by quotes or backslashes says much more about values that have none.
const MARKS: [&[u8]; 3] = [b"\\^`{}[]<>|$\"')(;&?!#*~\t\r\n", b"\\^`{}[]<>|$\"')(", b"\\^`{}[]<>|$"];

/// Bytes that are no marks.
const LETTERS_AND_DIGITS: ByteSet = ByteSet::new().with(b'0'..=b'9').with(b'A'..=b'Z').with(b'a'..=b'z');

/// What is known of every match of a part.
#[derive(Clone)]
struct Facts {
    /// Every match begins with one of them.
    heads: Vec<Run>,
    /// Every match ends with one of them.
    tails: Vec<Run>,
    /// `heads` (the same as `tails`) are all matches there are.
    whole: bool,
    /// What else must hold of the match.
    needs: Necessary,
}

/// What must hold for `pattern` to match somewhere in a value.
pub(super) fn derive_necessary(pattern: &Pattern) -> Necessary {
    let in_full = facts_of(pattern).settle();
    let mut levels = Vec::new();
    let mut beyond: Option<ByteSet> = None;
    for marks in MARKS {
        let marks = marks_of(marks);
        let plain = pattern.only(&marks.complement());
        let mut needs = facts_of(&plain).settle().without(marks);
        if let Some(beyond) = beyond {
            needs = needs.and(Necessary::of_set(beyond));
        }
        levels.push((needs, plain == *pattern));
        if plain == *pattern {
            break;
        }
        beyond = Some(marks);
    }
    if levels.first().is_none_or(|(_, unchanged)| *unchanged) {
        return in_full;
    }
    let rest = beyond.map_or_else(Necessary::any, Necessary::of_set).and(in_full);
    levels.into_iter().filter(|(_, unchanged)| !unchanged).fold(rest, |all, (level, _)| all.beside(level))
}

/// The bytes that plain values do not have.
pub(super) fn plainest_marks() -> ByteSet {
    MARKS.first().map_or_else(ByteSet::new, |marks| marks_of(marks))
}

/// Marks and the bytes no text has.
fn marks_of(marks: &[u8]) -> ByteSet {
    let unseen = ByteSet::new().with(0..=8).with(11..=12).with(14..=31).with(127..=127);
    ByteSet::of(marks).union(&unseen)
}

fn facts_of(pattern: &Pattern) -> Facts {
    match pattern {
        Pattern::Never => Facts::whole(Vec::new()),
        Pattern::Empty => Facts::whole(vec![Run::new()]),
        Pattern::Edge(edge) => Facts::whole(vec![Run::from_slice(&[Place::Edge(*edge)])]),
        Pattern::Byte(set) => facts_of_byte(*set),
        Pattern::Sequence(parts) => facts_of_sequence(parts),
        Pattern::Either(parts) => Facts::either(parts.iter().map(facts_of)),
        Pattern::Repeat { of, least, most } => facts_of_repeat(of, *least, *most),
    }
}

/// Neighbours that are known whole are put together first: `then` from the left would add every beginning of a word as
/// a condition of its own.
fn facts_of_sequence(parts: &[Pattern]) -> Facts {
    let mut joined: Vec<Facts> = Vec::with_capacity(parts.len());
    for part in parts {
        let facts = facts_of(part);
        match joined.pop() {
            Some(last) if last.meets_whole(&facts) => joined.push(last.then(facts)),
            last => joined.extend(last.into_iter().chain([facts])),
        }
    }
    joined.into_iter().reduce(Facts::then).unwrap_or_else(Facts::unknown)
}

fn facts_of_byte(set: ByteSet) -> Facts {
    let folded = folded_set(&set);
    if folded.len() > SPELLED_BYTES {
        return Facts { needs: Necessary::of_set(set), ..Facts::unknown() };
    }
    let whole = Facts::whole(folded.iter().map(|byte| Run::from_slice(&[Place::Byte(byte)])).collect());
    let meant = folded.iter().fold(ByteSet::new(), |all, byte| all.union(&unfold(byte)));
    let is_mark = !set.intersects(&LETTERS_AND_DIGITS);
    if is_mark && meant != set { Facts { needs: Necessary::of_set(set), ..whole } } else { whole }
}

fn facts_of_repeat(of: &Pattern, least: u32, most: Option<u32>) -> Facts {
    let once = facts_of(of);
    if least == 0 {
        if most == Some(1) && once.whole {
            // Without what else it needs: it may be left out.
            return Facts::whole(once.heads.into_iter().chain([Run::new()]).collect());
        }
        return Facts::unknown();
    }
    let copies = (1..least.min(COPIES)).fold(once.clone(), |facts, _| facts.then(once.clone()));
    if most == Some(least) && least <= COPIES {
        return copies;
    }
    let skipped = of.least_length().saturating_mul(least.saturating_sub(COPIES) as usize);
    let open = copies.then(Facts { needs: Necessary::of_length(skipped), ..Facts::unknown() });
    Facts { tails: once.tails, ..open }
}

impl Facts {
    fn whole(mut runs: Vec<Run>) -> Self {
        runs.sort_unstable();
        runs.dedup();
        Self { tails: runs.clone(), heads: runs, whole: true, needs: Necessary::any() }
    }

    fn unknown() -> Self {
        Self { heads: vec![Run::new()], tails: vec![Run::new()], whole: false, needs: Necessary::any() }
    }

    /// Everything known, as a condition.
    fn settle(self) -> Necessary {
        if self.whole {
            of_runs(&self.heads)
        } else {
            self.needs.and(of_runs(&self.heads)).and(of_runs(&self.tails))
        }
    }

    /// Are both known whole, and few and short enough to be known whole together?
    fn meets_whole(&self, next: &Self) -> bool {
        let longest = |runs: &[Run]| runs.iter().map(SmallVec::len).max().unwrap_or(0);
        self.whole
            && next.whole
            && self.heads.len() * next.heads.len() <= CROSSED_RUNS
            && longest(&self.heads) + longest(&next.heads) <= RUN_PLACES
    }

    /// This part and right after it `next`.
    fn then(self, next: Self) -> Self {
        if self.meets_whole(&next) {
            let needs = self.needs.and(next.needs);
            return Self { needs, ..Self::whole(cross(&self.heads, &next.heads)) };
        }
        let seam = self.seam(&next);
        let heads = if self.whole { cross_heads(&self.heads, &next.heads) } else { self.heads.clone() };
        let tails = if next.whole { cross_tails(&self.tails, &next.tails) } else { next.tails.clone() };
        let needs = self.needs_alone().then(next.needs_alone()).and(seam);
        Self { heads, tails, whole: false, needs }
    }

    /// What is known of the place where the two meet, unless it is what is known of one of them anyway.
    fn seam(&self, next: &Self) -> Necessary {
        let unknown = |runs: &[Run]| runs.iter().any(SmallVec::is_empty);
        match (unknown(&self.tails), unknown(&next.heads)) {
            (true, true) => Necessary::any(),
            (true, false) if next.whole => Necessary::any(),
            (false, true) if self.whole => Necessary::any(),
            _ => of_runs(&cross_some(&self.tails, &next.heads)),
        }
    }

    fn needs_alone(self) -> Necessary {
        if self.whole { self.needs.and(of_runs(&self.heads)) } else { self.needs }
    }

    fn either(parts: impl Iterator<Item = Self>) -> Self {
        let (wholes, others): (Vec<Self>, Vec<Self>) = parts.partition(|part| part.whole);
        let listed: Vec<Run> = wholes.into_iter().flat_map(|part| part.heads).collect();
        let fits = listed.len() <= LISTED_RUNS;
        let mut all = others;
        if !listed.is_empty() {
            let list = Self::whole(listed);
            if all.is_empty() && fits {
                return list;
            }
            all.push(list);
        }
        let heads =
            shorten(all.iter().flat_map(|part| part.heads.iter().cloned()).collect(), KEPT_RUNS, keep_first);
        let tails =
            shorten(all.iter().flat_map(|part| part.tails.iter().cloned()).collect(), KEPT_RUNS, keep_last);
        let needs = Necessary::one_of(all.into_iter().map(Self::settle));
        Self { heads, tails, whole: false, needs }
    }
}

/// One of `runs` is in the value.
fn of_runs(runs: &[Run]) -> Necessary {
    let texts: Option<Vec<Text>> = runs.iter().map(|run| Text::of_run(run)).collect();
    let length =
        runs.iter().map(|run| run.iter().filter_map(|place| byte_of(*place)).count()).min().unwrap_or(0);
    match texts {
        Some(texts) => Necessary::of_texts(texts).and(Necessary::of_length(length)),
        None => Necessary::of_length(length),
    }
}

fn cross(firsts: &[Run], seconds: &[Run]) -> Vec<Run> {
    let pairs = firsts.iter().flat_map(|first| seconds.iter().map(move |second| joined(first, second)));
    let mut runs: Vec<Run> = pairs.collect();
    runs.sort_unstable();
    runs.dedup();
    runs
}

fn joined(first: &Run, second: &Run) -> Run {
    first.iter().chain(second).copied().collect()
}

/// Every ending before every beginning, of as many places as the bound allows.
fn cross_some(tails: &[Run], heads: &[Run]) -> Vec<Run> {
    let bound = |others: usize| (CROSSED_RUNS / others.max(1)).max(1);
    let (tails, heads) = if tails.len() <= heads.len() {
        (tails.to_vec(), shorten(heads.to_vec(), bound(tails.len()), keep_first))
    } else {
        (shorten(tails.to_vec(), bound(heads.len()), keep_last), heads.to_vec())
    };
    if tails.len() * heads.len() > LISTED_RUNS { vec![Run::new()] } else { cross(&tails, &heads) }
}

fn cross_heads(heads: &[Run], next: &[Run]) -> Vec<Run> {
    if heads.len() * next.len() > CROSSED_RUNS {
        return shorten(heads.to_vec(), KEPT_RUNS, keep_first);
    }
    shorten(cross(heads, next), KEPT_RUNS, keep_first)
}

fn cross_tails(tails: &[Run], last: &[Run]) -> Vec<Run> {
    if tails.len() * last.len() > CROSSED_RUNS {
        return shorten(last.to_vec(), KEPT_RUNS, keep_last);
    }
    shorten(cross(tails, last), KEPT_RUNS, keep_last)
}

/// At most `bound` runs, each cut to as many places as that takes.
fn shorten(mut runs: Vec<Run>, bound: usize, keep: fn(&mut Run, usize)) -> Vec<Run> {
    let mut places = RUN_PLACES;
    loop {
        for run in &mut runs {
            keep(run, places);
        }
        runs.sort_unstable();
        runs.dedup();
        if runs.len() <= bound || places == 0 {
            return runs;
        }
        places = if places > 8 { 8 } else { places - 1 };
    }
}

fn keep_first(run: &mut Run, places: usize) {
    run.truncate(places);
}

fn keep_last(run: &mut Run, places: usize) {
    run.drain(..run.len().saturating_sub(places)).for_each(drop);
}
