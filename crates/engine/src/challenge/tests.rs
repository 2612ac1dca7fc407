//! Puzzles and passes: who may use them, and until when.

use super::*;

const TERMS: Terms = Terms {
    difficulty: 8,
    lasts: Duration::from_hours(1),
    within: Duration::from_mins(10),
    wait: Duration::from_secs(20),
};

const NOW: Timestamp = Timestamp::from_secs(1_769_846_400);

fn keys() -> NodeKeys {
    NodeKeys::derive(b"a secret")
}

fn bearer(address: &'static str, agent: &'static str) -> Bearer<'static> {
    Bearer { site: "shop", address: address.parse().unwrap(), agent: agent.as_bytes() }
}

fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

#[test]
fn a_solution_is_the_callers_own_and_for_a_time() {
    let (keys, ann) = (keys(), bearer("2001:db8:1:2::3", "Firefox"));
    let puzzle = pose(&keys, &ann, TERMS.difficulty, NOW, 7);
    assert_eq!(puzzle.len(), 64);
    let solution = search(&puzzle, TERMS.difficulty);
    let met =
        |bearer: &Bearer<'_>, now, solution: &str| check(&keys, bearer, &TERMS, now, (&puzzle, solution));
    assert_eq!(met(&ann, NOW, &solution), Ok(Met::Solved));
    assert_eq!(met(&bearer("2001:db8:1:2:ffff::1", "Firefox"), NOW, &solution), Ok(Met::Solved));
    for other in [
        bearer("2001:db8:1:3::3", "Firefox"),
        bearer("203.0.113.1", "Firefox"),
        bearer("2001:db8:1:2::3", "curl/8"),
        Bearer { site: "bank", ..ann },
    ] {
        assert_eq!(met(&other, NOW, &solution), Err(Fault::Foreign), "{other:?}");
    }
    assert_eq!(met(&ann, after(600), &solution), Ok(Met::Solved));
    assert_eq!(met(&ann, after(601), &solution), Err(Fault::Expired));
    assert_eq!(met(&ann, NOW.minus(Duration::from_secs(61)), &solution), Err(Fault::Expired));
    let wrong =
        (0..1000).map(|number: u64| number.to_string()).find(|text| zero_bits(&puzzle, text) < 8).unwrap();
    assert_eq!(met(&ann, NOW, &wrong), Err(Fault::Wrong));
    for malformed in ["-1", "1e3", " 1", "1234567890123456"] {
        assert_eq!(met(&ann, NOW, malformed), Err(Fault::Malformed), "{malformed}");
    }
}

#[test]
fn who_runs_no_scripts_waits() {
    let (keys, ann) = (keys(), bearer("203.0.113.1", ""));
    let puzzle = pose(&keys, &ann, 24, NOW, 7);
    let met = |now| check(&keys, &ann, &TERMS, now, (&puzzle, ""));
    assert_eq!(met(after(5)), Err(Fault::Early(Duration::from_secs(15))));
    assert_eq!(met(after(20)), Ok(Met::Waited));
    assert_eq!(met(after(601)), Err(Fault::Expired));
}

#[test]
fn what_was_changed_or_made_elsewhere_counts_for_nothing() {
    let (keys, ann) = (keys(), bearer("203.0.113.1", "Firefox"));
    let puzzle = pose(&keys, &ann, 24, NOW, 7);
    // Difficulty and time are signed: an easier or younger puzzle is another's.
    let mut bytes = URL_SAFE_NO_PAD.decode(&puzzle).unwrap();
    bytes[POSED] = 0;
    let easier = URL_SAFE_NO_PAD.encode(&bytes);
    assert_eq!(check(&keys, &ann, &TERMS, NOW, (&easier, "0")), Err(Fault::Foreign));
    let elsewhere = pose(&NodeKeys::derive(b"another"), &ann, 8, NOW, 7);
    assert_eq!(check(&keys, &ann, &TERMS, NOW, (&elsewhere, "0")), Err(Fault::Foreign));
    for text in ["", "x", &puzzle[1..], "????????????????????????????????????????????????????????????????"] {
        assert_eq!(check(&keys, &ann, &TERMS, NOW, (text, "0")), Err(Fault::Malformed), "{text}");
    }
}

#[test]
fn a_pass_is_the_callers_own_and_no_puzzle_is_one() {
    let (keys, ann) = (keys(), bearer("203.0.113.1", "Firefox"));
    let pass = grant(&keys, &ann, after(3600));
    assert!(is_pass(&keys, &ann, NOW, &pass) && is_pass(&keys, &ann, after(3599), &pass));
    assert!(!is_pass(&keys, &ann, after(3600), &pass));
    assert!(!is_pass(&keys, &bearer("203.0.113.2", "Firefox"), NOW, &pass));
    assert!(!is_pass(&keys, &bearer("203.0.113.1", "Chrome"), NOW, &pass));
    assert!(!is_pass(&keys, &Bearer { site: "bank", ..ann }, NOW, &pass));
    assert!(!is_pass(&NodeKeys::derive(b"another"), &ann, NOW, &pass));
    let puzzle = pose(&keys, &ann, 8, after(3600), 7);
    for text in [&*puzzle, "", "a", &pass[1..]] {
        assert!(!is_pass(&keys, &ann, NOW, text), "{text}");
    }
    assert_ne!(page_nonce(&keys, 1), page_nonce(&keys, 2));
}
