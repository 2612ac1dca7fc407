//! The laws of folding: order does not matter, cutting and merging does not matter, memory is bounded; what is kept as
//! bytes comes back.

use portcullis_inventory::{Fold, Folded, Inventory, Limits, Ruling, Spot, Unreadable, Watching};
use portcullis_model::observation::{Identifier, Observation};
use portcullis_model::{OperationId, Timestamp};
use proptest::prelude::*;

use crate::traffic::{KEY, fold, fold_within, found, observation};

const LIMITS: Limits = Limits { paths: 4, strata: 6 };

fn any_observation() -> impl Strategy<Value = Observation> {
    let word = prop::sample::select(vec![
        "users",
        "anna",
        "bob",
        "x-1",
        "42",
        "77",
        "orders",
        "a.json",
        "deadbeef01",
    ]);
    let fields = prop::sample::subsequence(vec!["id", "name", "email", "total", "state"], 0..=5);
    let method = prop::sample::select(vec!["GET", "POST", "DELETE"]);
    let status = prop::sample::select(vec![200, 201, 204, 404, 500]);
    (method, prop::collection::vec(word, 1..4), status, fields, 0..1000_i64).prop_map(
        |(method, path, status, fields, second)| {
            observation(method, &format!("/{}", path.join("/")), status, &fields, second)
        },
    )
}

fn merged(mut one: Fold, other: Fold) -> Fold {
    one.merge(other);
    one
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn order_and_cuts_do_not_matter(
        all in prop::collection::vec(any_observation(), 0..80),
        cuts in (0..80_usize, 0..80_usize),
    ) {
        let whole = fold_within(LIMITS, &all);
        prop_assert_eq!(&fold_within(LIMITS, all.iter().rev()), &whole);
        let (low, high) = (cuts.0.min(cuts.1).min(all.len()), cuts.0.max(cuts.1).min(all.len()));
        let part = |range: std::ops::Range<usize>| fold_within(LIMITS, &all[range]);
        let (a, b, c) = (part(0..low), part(low..high), part(high..all.len()));
        let left = merged(merged(a.clone(), b.clone()), c.clone());
        let right = merged(c, merged(b, a));
        prop_assert_eq!(&left, &whole);
        prop_assert_eq!(&right, &whole);
        prop_assert_eq!(Inventory::of(&left, None), Inventory::of(&whole, None));
        prop_assert_eq!(left.to_bytes(), whole.to_bytes());
        prop_assert_eq!(right.to_bytes(), whole.to_bytes());
    }

    #[test]
    fn bytes_give_back_what_was_folded(all in prop::collection::vec(any_observation(), 0..80)) {
        let whole = fold_within(LIMITS, &all);
        prop_assert_eq!(&Fold::from_bytes(&whole.to_bytes(), KEY, LIMITS).expect("our own bytes"), &whole);
    }

    #[test]
    fn a_journal_of_parts_gives_the_whole(all in prop::collection::vec(any_observation(), 0..40)) {
        let journal = all.chunks(7).map(|part| fold_within(LIMITS, part).to_bytes());
        let empty = Fold::new("shop", KEY, LIMITS);
        let read = |bytes: Vec<u8>| Fold::from_bytes(&bytes, KEY, LIMITS).expect("our own bytes");
        prop_assert_eq!(&journal.map(read).fold(empty, merged), &fold_within(LIMITS, &all));
    }

    #[test]
    fn bytes_of_others_are_refused(all in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert!(Fold::from_bytes(&all, KEY, LIMITS).is_err());
        let disguised = [b"PCIF\x01", all.as_slice()].concat();
        prop_assert!(Fold::from_bytes(&disguised, KEY, LIMITS).is_err());
    }
}

#[test]
fn bytes_need_their_key_and_their_version() {
    let one = fold(&[observation("GET", "/orders/1", 200, &["id"], 1)]);
    let bytes = one.to_bytes();
    let read = |bytes: &[u8], key| Fold::from_bytes(bytes, key, Limits::default());
    assert!(matches!(read(&bytes, KEY + 1), Err(Unreadable::OtherKey)));
    let mut newer = bytes.clone();
    newer[4] = 250;
    assert!(matches!(read(&newer, KEY), Err(Unreadable::Version(250))));
    assert!(matches!(read(&bytes[..bytes.len() - 1], KEY), Err(Unreadable::Damaged(_))));
    assert!(matches!(read(b"", KEY), Err(Unreadable::Foreign)));
}

#[test]
fn only_a_path_that_was_not_known_is_new() {
    let mut fold = Fold::new("shop", KEY, Limits::default());
    assert!(fold.is_empty());
    assert_eq!(fold.fold(&observation("GET", "/orders/1", 404, &[], 1)), Folded::Known);
    assert_eq!(fold.fold(&observation("GET", "/orders/1", 200, &["id"], 2)), Folded::New);
    assert_eq!(fold.fold(&observation("GET", "/orders/2", 200, &["id"], 3)), Folded::Known);
    assert_eq!(fold.fold(&observation("OPTIONS", "/orders/2", 200, &[], 3)), Folded::Nothing);
    assert!(!fold.is_empty());
}

#[test]
fn what_is_ignored_stays_ignored_over_a_merge_and_bytes() {
    let call = |path: &str| observation("GET", path, 200, &["id"], 1);
    let mut fold = fold(&[call("/reports/7"), call("/reports/8")]);
    let id = Inventory::of(&fold, None).operations[0].id.clone();
    fold.watch(id.clone(), Watching::Ignored, Timestamp::from_secs(5));
    let again = Fold::from_bytes(&fold.to_bytes(), KEY, Limits::default()).expect("our own bytes");
    assert!(Inventory::of(&again, None).assess(None, Timestamp::from_secs(9))[0].ignored);
    // Two former operations that are one now: the later word stands.
    let mut merged = again;
    let former = OperationId::new("former");
    merged.remember(former.clone(), id, Timestamp::from_secs(6));
    merged.watch(former, Watching::Watched, Timestamp::from_secs(7));
    assert!(Inventory::of(&merged, None).ignored.is_empty());
}

#[test]
fn a_flood_of_made_up_paths_takes_a_fixed_place_and_evicts_nothing_real() {
    let limits = Limits { paths: 64, strata: 64 };
    let mut fold = Fold::new("shop", KEY, limits);
    for at in 0..3_000 {
        let junk: Vec<String> =
            (0..3).map(|place| format!("k{}", (at * 31 + place * 7919) % 99_991)).collect();
        let path = format!("/{}", junk.join("-x/"));
        fold.fold(&observation("GET", &path, 404, &["error"], at));
        fold.fold(&observation("GET", &path, 200, &["page", "title", "found"], at));
    }
    for at in 0..5 {
        fold.fold(&observation("GET", "/orders/42/items", 200, &["id", "total", "items"], at));
        fold.fold(&observation("POST", "/login", 200, &["token", "expires", "user"], at));
    }
    assert!(fold.paths() <= 64 * 8, "{}", fold.paths());
    let found = found(&fold);
    assert!(found.contains(&"GET /orders/{orderId}/items".to_owned()), "{found:?}");
    assert!(found.contains(&"POST /login".to_owned()), "{found:?}");
}

#[test]
fn guesses_redirects_preflights_pages_and_files_make_nothing() {
    let mut fold = fold(&[
        observation("GET", "/wp-admin", 404, &[], 1),
        observation("GET", "/admin", 403, &[], 1),
        observation("GET", "/old", 301, &[], 1),
        observation("GET", "/broken", 500, &[], 1),
        observation("OPTIONS", "/users", 204, &[], 1),
        observation("HEAD", "/users", 200, &[], 1),
    ]);
    for path in ["/", "/cart", "/any/thing"] {
        let mut page = observation("GET", path, 200, &[], 1);
        page.response_type = Some("text/html".into());
        page.response_body = None;
        fold.fold(&page);
    }
    let mut script = observation("GET", "/assets/app.js", 200, &[], 1);
    script.response_type = Some("application/octet-stream".into());
    fold.fold(&script);
    assert_eq!(found(&fold), Vec::<String>::new());
    assert_eq!(fold.folded().get("page"), Some(&4));
}

#[test]
fn an_operation_is_there_from_its_first_answer() {
    let fold = fold(&[observation("GET", "/customers/42/invoices/2024-01-31", 200, &["id"], 1)]);
    assert_eq!(found(&fold), ["GET /customers/{customerId}/invoices/{date}"]);
}

#[test]
fn words_that_answer_alike_are_one_and_others_are_not() {
    let user = ["id", "name", "email", "total"];
    let mut all: Vec<Observation> = ["anna", "bob", "carol", "dave", "emma"]
        .iter()
        .map(|name| observation("GET", &format!("/users/{name}"), 200, &user, 1))
        .collect();
    for _ in 0..5 {
        all.push(observation("GET", "/users/me", 200, &user, 1));
        all.push(observation("GET", "/users/online", 200, &["count", "since", "rooms"], 1));
        all.push(observation("GET", "/orders", 200, &["items", "next", "total"], 1));
        all.push(observation("GET", "/invoices", 200, &["items", "next", "total"], 1));
        all.push(observation("GET", "/payments", 200, &["items", "next", "total"], 1));
    }
    let found = found(&fold(&all));
    let wanted = [
        "GET /invoices",
        "GET /orders",
        "GET /payments",
        "GET /users/me",
        "GET /users/online",
        "GET /users/{userName}",
    ];
    assert_eq!(found, wanted);
}

#[test]
fn a_name_that_is_asked_often_is_no_value_where_nothing_else_tells() {
    let bags = ["amber", "berlin", "cedar", "dune", "ember", "fern", "grove", "hazel"];
    let mut all: Vec<Observation> =
        bags.iter().map(|bag| observation("GET", &format!("/bags/{bag}"), 200, &[], 1)).collect();
    all.extend((0..25).map(|caller| observation("GET", "/bags/lost", 200, &[], caller)));
    assert_eq!(found(&fold(&all)), ["GET /bags/lost", "GET /bags/{bagName}"]);
}

#[test]
fn collections_of_one_kind_below_a_value_are_not_its_values() {
    let names = ["blocking", "bookmarks", "follows", "lists", "likes", "muting", "pins", "replies", "views"];
    let mut all = Vec::new();
    for name in names {
        for user in 1..20 {
            let path = format!("/users/{user}/{name}");
            all.push(observation("POST", &path, 200, &["id", "since", "by"], 1));
            all.push(observation("DELETE", &format!("{path}/{}", user + 7), 200, &["id", "was", "by"], 1));
        }
    }
    assert_eq!(found(&fold(&all)).len(), names.len() * 2);
}

#[test]
fn two_answers_that_differ_by_chance_do_not_part_many() {
    let people = ["anna", "bob", "carol", "dave", "emma", "frank", "grace", "hugo", "ivan", "jade"];
    let mut all = Vec::new();
    for person in people {
        all.push(observation("GET", &format!("/{person}/bills"), 200, &["id", "total", "due"], 1));
    }
    all.push(observation("GET", "/anna/photo", 200, &["wide", "high", "bytes"], 1));
    all.push(observation("GET", "/bob/photo", 200, &["width", "height", "size"], 1));
    all.push(observation("GET", "/carol/photo", 200, &["wide", "high", "bytes"], 1));
    let found = found(&fold(&all));
    assert!(found.iter().all(|operation| operation.contains('{')), "{found:?}");
}

#[test]
fn failures_count_where_the_operation_is_known() {
    let fold = fold(&[
        observation("GET", "/orders/1", 200, &["id", "total"], 1),
        observation("GET", "/orders/2", 404, &[], 2),
        observation("GET", "/orders/3/x", 404, &[], 2),
    ]);
    let inventory = Inventory::of(&fold, None);
    let statuses: Vec<(u16, u64)> =
        inventory.operations[0].facts.statuses.iter().map(|(status, count)| (*status, *count)).collect();
    assert_eq!(inventory.operations.len(), 1);
    assert_eq!(statuses, [(200, 1), (404, 1)]);
}

#[test]
fn words_that_bodies_give_as_names_are_values() {
    let team = ["id", "slug", "members"];
    let told = |method: &str, path: &str, names: &[&str]| {
        let mut call = observation(method, path, 200, &team, 1);
        let hash = |name: &str| observation("GET", name, 200, &[], 1).segments[0].hash;
        call.identifiers =
            names.iter().map(|name| Identifier { field: "slug".into(), hash: hash(name) }).collect();
        call
    };
    let list = told("GET", "/teams", &["alpha", "beta"]);
    let both = [list.clone(), told("GET", "/teams/alpha", &[]), told("GET", "/teams/beta", &[])];
    assert_eq!(found(&fold(&both)), ["GET /teams", "GET /teams/{teamSlug}"]);
    // One alone is one where its collection names it, and a name where something else does.
    let near = [list, told("DELETE", "/teams/alpha", &[])];
    assert_eq!(found(&fold(&near)), ["GET /teams", "DELETE /teams/{teamSlug}"]);
    let far = [told("GET", "/menu", &["alpha"]), told("DELETE", "/teams/alpha", &[])];
    assert_eq!(found(&fold(&far)), ["GET /menu", "DELETE /teams/alpha"]);
    // Neither is a word that always names something.
    let named = [told("GET", "/teams", &["search", "alpha"]), told("GET", "/teams/search", &[])];
    assert_eq!(found(&fold(&named)), ["GET /teams", "GET /teams/search"]);
}

#[test]
fn people_merge_and_split_and_evidence_does_not_undo_it() {
    let user = ["id", "name", "email"];
    let all: Vec<Observation> = ["anna", "bob", "carol", "dave", "emma", "online"]
        .iter()
        .map(|name| observation("GET", &format!("/users/{name}"), 200, &user, 1))
        .chain([observation("GET", "/plans/basic", 200, &["price"], 1)])
        .collect();
    let mut decided = fold(&all);
    let before = Inventory::of(&decided, None);
    assert_eq!(found(&decided), ["GET /plans/basic", "GET /users/{userName}"]);
    let decide = |fold: &mut Fold, template: &str, ruling| {
        fold.decide(Spot::of(template).expect("a template"), ruling, Timestamp::from_secs(9));
    };
    decide(&mut decided, "/users/online", Ruling::Name);
    decide(&mut decided, "/plans/{plan}", Ruling::Value);
    assert_eq!(found(&decided), ["GET /plans/{planName}", "GET /users/online", "GET /users/{userName}"]);
    // What was merged is found under its former id.
    let after = Inventory::of(&decided, None);
    for (old, new) in after.successors(&before) {
        decided.remember(old, new, Timestamp::from_secs(10));
    }
    let kept = Fold::from_bytes(&decided.to_bytes(), KEY, Limits::default()).expect("our own bytes");
    let later = Inventory::of(&merged(kept, fold(&all)), None);
    let paths: Vec<&str> = later.operations.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["/plans/{planName}", "/users/online", "/users/{userName}"]);
    let basic = before.operations[0].id.clone();
    assert_eq!(later.operation(&basic).map(|one| one.path.as_str()), Some("/plans/{planName}"));
}
