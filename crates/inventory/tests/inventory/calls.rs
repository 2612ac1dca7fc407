//! Calls by name: the laws of folding them, their bounds, and inventories of before they were kept by themselves.

use portcullis_inventory::{Fold, Folded, Inventory, Limits};
use portcullis_model::call::{CallOutcome, Speaking, Spoken, Streams};
use portcullis_model::observation::Observation;
use proptest::prelude::*;

use crate::traffic::{KEY, fold, made, observation};

/// `POST /rpc` with these calls, each answered with these fields or refused.
fn rpc(second: i64, calls: &[(&str, CallOutcome)], fields: &[&str]) -> Observation {
    let mut one = observation("POST", "/rpc", 200, &["jsonrpc", "id", "result"], second);
    one.calls = calls.iter().map(|(name, outcome)| made(name, *outcome, fields)).collect();
    one
}

/// `name exchanges/failures` of every call of every operation.
fn told(fold: &Fold) -> Vec<String> {
    let inventory = Inventory::of(fold, None);
    let of = |known: &portcullis_inventory::Operation| -> Vec<String> {
        let calls = known.calls.iter();
        calls.map(|(call, facts)| format!("{} {}/{}", call.name, facts.exchanges, facts.failures)).collect()
    };
    inventory.operations.iter().flat_map(of).collect()
}

#[test]
fn a_call_is_known_from_its_first_answer_and_a_guess_never() {
    use CallOutcome::{Answered, Failed};
    let mut fold = Fold::new("shop", KEY, Limits::default());
    assert_eq!(fold.fold(&rpc(1, &[("users.list", Answered)], &["users"])), Folded::New);
    assert_eq!(fold.fold(&rpc(2, &[("users.list", Answered)], &["users"])), Folded::Known);
    assert_eq!(fold.fold(&rpc(3, &[("users.list", Failed), ("users.guess", Failed)], &[])), Folded::Known);
    assert_eq!(fold.fold(&rpc(4, &[("users.drop", Answered)], &["users"])), Folded::New);
    assert_eq!(told(&fold), ["users.drop 1/0", "users.list 2/1"]);
    let inventory = Inventory::of(&fold, None);
    let facts = inventory.operations[0].calls.values().next_back().expect("a call");
    assert_eq!((facts.callers(), facts.client_names()), (2, vec![&"users.list".into()]));
    assert_eq!(facts.types(), ["Order"]);
    assert!(facts.answer.fields.contains_key("users") && facts.arguments.integers == 2);
}

#[test]
fn made_up_names_take_a_fixed_place_and_push_out_nothing_that_answers_otherwise() {
    let flood = |seconds: &mut dyn Iterator<Item = i64>| {
        let mut fold = Fold::new("shop", KEY, Limits::default());
        for second in seconds {
            let name = format!("m{}", second.wrapping_mul(7919).rem_euclid(1_000_003));
            fold.fold(&rpc(second % 60, &[(&name, CallOutcome::Answered)], &["anything"]));
            let guess = format!("g{second}");
            fold.fold(&rpc(second % 60, &[(&guess, CallOutcome::Failed)], &[]));
        }
        for second in 0..3 {
            fold.fold(&rpc(second, &[("users.list", CallOutcome::Answered)], &["users", "total", "next"]));
        }
        fold
    };
    let one = flood(&mut (0..2_000));
    assert!(one.calls() <= 3 * 128, "{}", one.calls());
    assert!(one.is_full_of_calls() && !one.is_full());
    assert!(told(&one).contains(&"users.list 3/0".to_owned()));
    assert_eq!(flood(&mut (0..2_000).rev()), one, "whatever came first");
}

#[test]
fn an_inventory_of_before_calls_were_kept_by_themselves_is_read() {
    let bytes = include_bytes!("../../testdata/before-calls.fold");
    let old = Fold::from_bytes(bytes, KEY, Limits::default()).expect("an old version's bytes");
    assert_eq!(told(&old), ["a 5/0", "a 4/0"], "of /rpc and of /users/{{userId}}/orders");
    let again = Fold::from_bytes(&old.to_bytes(), KEY, Limits::default()).expect("our own bytes");
    assert_eq!(again, old);
    let mut both = old.clone();
    both.merge(fold(&[rpc(1, &[("a", CallOutcome::Answered)], &[])]));
    assert!(told(&both).contains(&"a 6/0".to_owned()), "{:?}", told(&both));
}

#[test]
fn what_speaks_otherwise_is_told_and_a_refusal_of_grpc_is_none() {
    let speaking = |spoken: Spoken, client, server, outcome| Speaking {
        spoken,
        streams: Streams { client, server },
        outcome,
    };
    let call = |path: &str, speaking: Speaking| {
        let mut call = observation("POST", path, 200, &["id"], 1);
        call.speaking = Some(speaking);
        call
    };
    let grpc = |client, server, outcome| speaking(Spoken::Grpc, client, server, outcome);
    let fold = fold(&[
        call("/shop.Orders/Watch", grpc(false, true, CallOutcome::Answered)),
        call("/shop.Orders/Watch", grpc(true, false, CallOutcome::Answered)),
        call("/shop.Orders/Guess", grpc(false, false, CallOutcome::Failed)),
    ]);
    let inventory = Inventory::of(&fold, None);
    assert_eq!(inventory.operations.len(), 1);
    let spoken = &inventory.operations[0].facts.spoken;
    assert_eq!(spoken.get(&Spoken::Grpc).map(|streams| streams.as_str()), Some("bidirectional streaming"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn order_and_cuts_do_not_matter(
        calls in prop::collection::vec((0..400_i64, 0..4_u8, any::<bool>()), 0..300),
        cut in 0..300_usize,
    ) {
        let all: Vec<Observation> = calls
            .iter()
            .map(|(at, fields, carried_out)| {
                let outcome = if *carried_out { CallOutcome::Answered } else { CallOutcome::Failed };
                let fields = &["id", "name", "state", "total"][..usize::from(*fields)];
                rpc(at % 50, &[(&format!("method.{at}"), outcome)], fields)
            })
            .collect();
        let whole = fold(&all);
        prop_assert_eq!(&fold(all.iter().rev()), &whole);
        let (one, other) = all.split_at(cut.min(all.len()));
        let mut merged = fold(other);
        merged.merge(fold(one));
        prop_assert_eq!(merged.to_bytes(), whole.to_bytes());
        let read = Fold::from_bytes(&whole.to_bytes(), KEY, Limits::default()).expect("our own bytes");
        prop_assert_eq!(read, whole);
    }
}
