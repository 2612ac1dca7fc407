//! Versions in paths, fields and media types: related to each other, and the older ones zombies.

use portcullis_inventory::{Fold, Inventory, Limits, Standing};
use portcullis_model::Timestamp;
use portcullis_model::observation::Observation;
use portcullis_model::version::{NamedBy, NamedVersion, SeenVersion, VersionPlace};
use proptest::prelude::*;

use crate::traffic::{KEY, fold, observation};

const NOW: Timestamp = Timestamp::from_secs(1_000);

fn call(path: &str, second: i64, versions: &[(&str, &str, NamedBy)]) -> Observation {
    let mut one = observation("GET", path, 200, &["id", "total"], second);
    one.calls = Vec::new();
    let seen = versions.iter().map(|(place, version, by)| {
        let place = match *place {
            "" => VersionPlace::MediaType,
            name => VersionPlace::Header(name.into()),
        };
        let hash = version.bytes().fold(place.to_string().len() as u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(23)
        });
        SeenVersion { named: NamedVersion { version: (*version).into(), place }, hash, by: *by }
    });
    one.versions = seen.collect();
    one
}

/// `path version: standing, why`, and the same of paths that are zombies.
fn told(all: &[Observation]) -> Vec<String> {
    let mut told = Vec::new();
    for one in Inventory::of(&fold(all), None).assess(None, NOW) {
        if one.standing == Some(Standing::Zombie) {
            told.push(format!("{}: {}", one.path, one.why.join("; ")));
        }
        for version in &one.versions {
            let standing = version.standing.map_or("-", Standing::as_str);
            let why = version.why.as_deref().unwrap_or("-");
            told.push(format!("{} {}: {standing}, {why}", one.path, version.named.version));
        }
    }
    told
}

#[test]
fn an_older_version_beside_a_newer_is_a_zombie_wherever_they_are_named() {
    use NamedBy::{Answer, Request};
    let header = |version, by| ("api-version", version, by);
    assert_eq!(
        told(&[call("/orders", 1, &[header("1", Answer)]), call("/orders", 2, &[header("2", Answer)])]),
        [
            "/orders 1: zombie, version 2 (header api-version) is called as well and is newer",
            "/orders 2: -, -"
        ]
    );
    assert_eq!(
        told(&[call("/orders", 1, &[("", "v1", Answer)]), call("/v2/orders", 2, &[])]),
        ["/orders v1: zombie, GET /v2/orders is called as well and is newer"]
    );
    assert_eq!(
        told(&[call("/v1/orders", 1, &[]), call("/orders", 2, &[header("2", Answer)])]),
        [
            "/orders 2: -, -",
            "/v1/orders: GET /orders, version 2 (header api-version), is called as well and is newer"
        ]
    );
    // Days and numbers do not tell which is newer.
    let apart =
        told(&[call("/a", 1, &[header("2024-01-31", Answer)]), call("/a", 2, &[header("9", Answer)])]);
    assert_eq!(apart, ["/a 2024-01-31: -, -", "/a 9: -, -"]);
    // Somebody's guess that no answer vouches for makes nobody a zombie.
    let guess = call("/a", 2, &[header("99", Request)]);
    assert_eq!(told(&[call("/a", 1, &[header("1", Answer)]), guess.clone()]), ["/a 1: -, -"]);
    let often = [call("/a", 1, &[header("1", Answer)]), guess.clone(), guess.clone(), guess];
    assert_eq!(told(&often).len(), 2);
}

#[test]
fn made_up_versions_take_a_fixed_place_and_push_out_none_that_is_answered() {
    let mut fold = Fold::new("shop", KEY, Limits::default());
    for second in 0..2_000 {
        fold.fold(&call("/a", second % 60, &[("api-version", &format!("{second}"), NamedBy::Request)]));
    }
    fold.fold(&call("/a", 1, &[("api-version", "2.5", NamedBy::Answer)]));
    let inventory = Inventory::of(&fold, None);
    let versions = inventory.operations[0].facts.versions.all();
    assert_eq!(versions.keys().map(|named| named.version.as_str()).collect::<Vec<_>>(), ["2.5"]);
    assert!(fold.to_bytes().len() < 64 * 1024, "{}", fold.to_bytes().len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn order_and_cuts_do_not_matter(
        calls in prop::collection::vec((0..60_u32, any::<bool>(), 0..3_usize), 0..200),
        cut in 0..200_usize,
    ) {
        let all: Vec<Observation> = calls
            .iter()
            .map(|(version, vouched, path)| {
                let by = if *vouched { NamedBy::Answer } else { NamedBy::Request };
                call(["/a", "/v1/a", "/b"][*path], i64::from(*version), &[("api-version", &version.to_string(), by)])
            })
            .collect();
        let whole = fold(&all);
        prop_assert_eq!(&fold(all.iter().rev()), &whole);
        let (one, other) = all.split_at(cut.min(all.len()));
        let mut merged = fold(other);
        merged.merge(fold(one));
        prop_assert_eq!(merged.to_bytes(), whole.to_bytes());
        prop_assert_eq!(Fold::from_bytes(&whole.to_bytes(), KEY, Limits::default()).expect("our own bytes"), whole);
    }
}
