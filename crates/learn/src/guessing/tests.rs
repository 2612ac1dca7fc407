//! What is told of callers that try, and of accounts that are tried.

use portcullis_model::EventId;
use portcullis_model::finding::FindingKind;

use super::*;

/// A password tried on an account: who, which account, which password, when.
fn password(caller: u8, account: u64, password: u64, second: i64) -> Guess {
    let known = (account == 1).then(|| "anna".into());
    guess(caller, Tried::Account { account, known, password }, second)
}

fn guess(caller: u8, tried: Tried, second: i64) -> Guess {
    Guess {
        id: EventId::new(Timestamp::from_secs(second), u128::from(caller)),
        time: Timestamp::from_secs(second),
        site: "shop".into(),
        provider: "staff".into(),
        caller: CallerKey::address([203, 0, 113, caller].into()),
        tried,
    }
}

/// Kind, subject and count of what is told, in order.
fn told(guessing: &mut Guessing) -> Vec<(FindingKind, String, u64)> {
    let told = guessing.conclude().into_iter();
    let mut told: Vec<_> = told.map(|one| (one.kind, one.subject.to_string(), one.count)).collect();
    told.sort();
    told
}

#[track_caller]
fn check(guesses: impl IntoIterator<Item = Guess>, expected: &[(FindingKind, &str, u64)]) {
    let mut guessing = Guessing::default();
    guesses.into_iter().for_each(|guess| guessing.take(&guess));
    let expected: Vec<_> =
        expected.iter().map(|(kind, who, count)| (*kind, (*who).to_owned(), *count)).collect();
    assert_eq!(told(&mut guessing), expected);
    assert_eq!(told(&mut guessing), [], "nothing new, nothing told");
}

#[test]
fn a_caller_that_tries_a_list_is_told_of_and_one_that_mistypes_is_not() {
    use FindingKind::{CredentialStuffing, PasswordSpraying};
    let who = "ip:203.0.113.9";
    check((0..20).map(|n| password(9, 100 + n, n, 1)), &[(CredentialStuffing, who, 20)]);
    check((0..20).map(|n| password(9, 100 + n, n % 2, 1)), &[(PasswordSpraying, who, 20)]);
    check((0..25).map(|n| guess(9, Tried::Text(n), 1)), &[(CredentialStuffing, who, 25)]);
    check((0..19).map(|n| password(9, 100 + n, n, 1)), &[]);
    // One key that is stale, again and again; many callers with one mistake each.
    check((0..500).map(|_| guess(9, Tried::Text(7), 1)), &[]);
    check((0..200).map(|n| password(n, 100 + u64::from(n), u64::from(n), 1)), &[]);
    // Slower than the window counts.
    check((0..20_u32).map(|n| password(9, 100 + u64::from(n), 5, i64::from(n) * 400)), &[]);
}

#[test]
fn an_account_that_is_guessed_at_is_told_of_and_a_service_with_an_old_password_is_not() {
    use FindingKind::AccountGuessing;
    let anna = "account anna of staff";
    check((0..10).map(|n| password(n, 1, u64::from(n), 1)), &[(AccountGuessing, anna, 10)]);
    check((0..20).map(|n| password(9, 1, n, 1)), &[(AccountGuessing, anna, 20)]);
    check(
        (0..10).map(|n| password(n, 2, u64::from(n), 1)),
        &[(AccountGuessing, "a name staff does not know", 10)],
    );
    check((0..200).map(|n| password(n, 1, 5, 1)), &[]);
    check((0..9).map(|n| password(n, 1, u64::from(n), 1)), &[]);
}

#[test]
fn what_goes_on_is_counted_on() {
    let mut guessing = Guessing::default();
    (0..30).for_each(|n| guessing.take(&password(9, 100 + n, n, 1)));
    assert_eq!(told(&mut guessing).first().map(|one| one.2), Some(30));
    guessing.take(&password(9, 400, 1, 2));
    assert_eq!(told(&mut guessing).first().map(|one| one.2), Some(1));
    guessing.take(&password(9, 401, 1, 5000));
    assert_eq!(told(&mut guessing), [], "another hour begins at nothing");
}

#[test]
fn an_attack_from_everywhere_is_bounded_in_memory_and_in_what_is_told() {
    let mut guessing = Guessing::default();
    let from = |caller: u32, n: u64| Guess {
        caller: CallerKey::address(std::net::Ipv4Addr::from(caller).into()),
        ..guess(0, Tried::Text(n), 1)
    };
    for caller in 0..300 {
        (0..20).for_each(|n| guessing.take(&from(caller, n)));
    }
    for caller in 1000..30_000 {
        guessing.take(&from(caller, 1));
    }
    assert!(guessing.callers.trails.len() <= MOST);
    let told = told(&mut guessing);
    let together = told.iter().filter(|one| one.1 == "many callers").count();
    assert_eq!((told.len(), together), (300, 200), "the first are not pushed out, and few are named");
}
