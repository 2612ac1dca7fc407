//! Totals against a plain count of the same exchanges.

use portcullis_model::event::{Standing, Summary};
use portcullis_model::{Action, CallerKey};

use super::*;
use crate::totals::{StatusClass, Tallies};

const START: i64 = 1_700_000_040;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(START + secs)
}

fn summary(secs: i64, operation: &str, action: Action) -> Summary {
    Summary {
        time: at(secs),
        site: "shop".into(),
        operation: operation.into(),
        standing: Some(Standing::Documented),
        action,
        would_have: action,
        decided_by: None,
        status: if action.refuses() { 403 } else { 200 },
        duration: Duration::from_millis(10),
        request_bytes: 1,
        response_bytes: 100,
        caller: CallerKey::address([203, 0, 113, 9].into()),
    }
}

fn book_of(summaries: &[Summary], now: Timestamp) -> Book {
    let tallies = Tallies::new(2);
    let mut book = Book::new(at(0));
    for summary in summaries {
        tallies.fold(summary);
    }
    book.gather(tallies.take().0, now);
    book
}

fn exchanges(minute: &MinuteTotals) -> u64 {
    minute.lines.iter().map(|(_, counts)| counts.count).sum()
}

#[test]
fn live_figures_add_up_by_operation_verdict_status_and_caller() {
    let mut exchanges = vec![summary(1, "GET /plans", Action::Pass); 9];
    exchanges.push(summary(2, "GET /plans", Action::Block));
    exchanges.push(Summary { would_have: Action::Block, ..summary(2, "GET /x", Action::Monitor) });
    let top = book_of(&exchanges, at(10)).top(Duration::from_mins(1), at(10));
    assert_eq!((top.exchanges, top.other_callers, top.span()), (11, 0, Duration::from_secs(10)));
    let plans = &top.operations[0];
    assert_eq!((&*plans.operation, plans.count, plans.refused), ("GET /plans", 10, 1));
    assert_eq!(plans.response_bytes, 1000);
    assert!(plans.p50_us.abs_diff(10_000) < 700);
    assert_eq!(top.operations[1].would_refuse, 1);
    assert_eq!(top.verdicts.get("block"), Some(&1));
    assert_eq!(top.statuses.get(&StatusClass::Success), Some(&10));
    assert_eq!(top.callers.len(), 1);
    assert_eq!((top.callers[0].count, top.callers[0].refused), (11, 1));
}

#[test]
fn live_figures_forget_what_is_older_than_asked_for() {
    let book = book_of(&[summary(1, "GET /plans", Action::Pass)], at(1));
    assert_eq!(book.top(Duration::from_mins(1), at(30)).exchanges, 1);
    assert_eq!(book.top(Duration::from_mins(1), at(70)).exchanges, 0);
}

#[test]
fn minutes_are_those_the_exchanges_ended_in() {
    let ended = [0, 30, 59, 60, 61, 119, 120].map(|secs| summary(secs, "GET /plans", Action::Pass));
    let mut book = book_of(&ended, at(121));
    let minutes = book.hand_over();
    let counts: Vec<_> = minutes.iter().map(|minute| (minute.minute, exchanges(minute))).collect();
    assert_eq!(counts, [(at(0), 3), (at(60), 3), (at(120), 1)]);
}

#[test]
fn a_minute_is_handed_over_until_it_is_kept_and_again_when_it_grew() {
    let tallies = Tallies::new(1);
    let mut book = Book::new(at(0));
    let more = |book: &mut Book, operation| {
        tallies.fold(&summary(1, operation, Action::Pass));
        book.gather(tallies.take().0, at(2));
        let handed = book.hand_over();
        (handed[0].part, exchanges(&handed[0]), handed[0].lines.len())
    };
    let (part, count, _) = more(&mut book, "GET /a");
    assert_eq!(count, 1);
    assert_eq!(more(&mut book, "GET /a"), (part, 2, 1), "not confirmed: handed over again as a whole");
    book.kept(at(2));
    assert!(book.hand_over().is_empty());
    assert_eq!(more(&mut book, "GET /b"), (part, 1, 1), "only the line that changed");
    assert_eq!(more(&mut book, "GET /a"), (part, 4, 2));
    book.kept(at(500));
    assert_ne!(more(&mut book, "GET /a").0, part, "a forgotten minute begins a new part");
}

#[test]
fn minutes_nobody_takes_are_bounded() {
    let tallies = Tallies::new(1);
    let mut book = Book::new(at(0));
    for minute in 0..200 {
        tallies.fold(&summary(minute * 60, "GET /a", Action::Pass));
        book.gather(tallies.take().0, at(minute * 60));
    }
    assert_eq!((book.hand_over().len(), book.given_up()), (MINUTES, 200 - MINUTES as u64));
}

#[test]
fn operations_without_end_are_counted_together() {
    let ended: Vec<_> = (0..10_000).map(|n| summary(1, &format!("GET /{n}"), Action::Pass)).collect();
    let mut book = book_of(&ended, at(2));
    let minutes = book.hand_over();
    assert_eq!(exchanges(&minutes[0]), 10_000);
    assert!(minutes[0].lines.len() < 2100, "{}", minutes[0].lines.len());
}

#[test]
fn a_clock_that_steps_back_does_not_freeze_live_figures() {
    let tallies = Tallies::new(1);
    let mut book = Book::new(at(0));
    for (ended, now) in [(4000, 4000), (10, 10), (20, 20)] {
        tallies.fold(&summary(ended, "GET /a", Action::Pass));
        book.gather(tallies.take().0, at(now));
    }
    let top = book.top(Duration::from_mins(1), at(21));
    assert_eq!((top.exchanges, top.until), (2, at(21)));
    let minutes: Vec<_> = book.hand_over().iter().map(|totals| (totals.minute, exchanges(totals))).collect();
    assert_eq!(minutes, [(at(0), 2), (at(3960), 1)]);
}
