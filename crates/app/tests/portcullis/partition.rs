//! Three gateways on one Redis server, one of them cut off while its connections stay: what its clients and those of
//! the others see, how many are admitted, and that all count together again once it is back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::cluster::{figure, gateway_at, storm};
use crate::harness::Gateway;
use crate::redis::{Redis, Wire};

/// Of the limit all share; it gives nothing back while a test lasts.
const BURST: u32 = 250;
/// What every gateway was asked before one was cut off.
const BEFORE: usize = 30;
/// What every gateway is asked while one is.
const MEANWHILE: usize = 400;
/// How soon one that is back counts with the others.
const SECONDS: Duration = Duration::from_secs(15);

/// Two gateways at the server, and one behind a wire.
struct Three {
    there: Vec<Gateway>,
    away: Vec<Gateway>,
    wire: Wire,
    _redis: Redis,
}

impl Three {
    /// Each was asked a few times before the third is cut off.
    fn parted(on_failure: &str) -> Self {
        let redis = Redis::start();
        let wire = Wire::to(redis.port);
        let there: Vec<Gateway> =
            (0..2).map(|_| gateway_at(redis.port, BURST, on_failure, "2s", "")).collect();
        let away = vec![gateway_at(wire.port, BURST, on_failure, "1s", "")];
        for gateways in [&there, &away] {
            assert_eq!(storm(gateways, BEFORE), [(200, BEFORE * gateways.len())].into());
        }
        wire.cut();
        Self { there, away, wire, _redis: redis }
    }

    fn away(&self) -> &Gateway {
        &self.away[0]
    }

    /// What clients of those at the server and of the one cut off see, asked at the same time.
    fn storms(&self) -> [BTreeMap<u16, usize>; 2] {
        std::thread::scope(|scope| {
            let there = scope.spawn(|| storm(&self.there, MEANWHILE));
            let away = storm(&self.away, MEANWHILE);
            [there.join().expect("no client fails"), away]
        })
    }

    /// Those at the server notice nothing: they admit what is left, exactly.
    fn assert_unmoved(seen: &BTreeMap<u16, usize>) {
        let left = BURST as usize - 3 * BEFORE;
        assert_eq!(seen, &[(200, left), (429, 2 * MEANWHILE - left)].into());
    }

    /// The one cut off waited for few batches only, and tried to connect now and then, not for each request.
    fn assert_calm(&self) {
        let timed_out = figure(self.away(), "state_timed_out_total");
        assert!((1..40).contains(&timed_out), "{timed_out} of {MEANWHILE} waited");
        assert_eq!(figure(self.away(), "state_connected"), 0);
        assert!(self.wire.connections() < 40, "{} connections", self.wire.connections());
    }

    /// Once the wire is mended, the burst being used up, nobody lets anything pass.
    fn assert_agree_again(&self) {
        self.wire.mend();
        let since = Instant::now();
        self.away().await_until("it counts with the others", |away| {
            (away.get("/").0 == 429 && figure(away, "state_connected") == 1).then_some(())
        });
        assert!(since.elapsed() < SECONDS, "it took {:?}", since.elapsed());
        for (gateways, requests) in [(&self.there, 2 * BEFORE), (&self.away, BEFORE)] {
            assert_eq!(storm(gateways, BEFORE), [(429, requests)].into());
        }
        let connects = figure(self.away(), "state_connects_total");
        assert_eq!(connects, 2, "one connection for all who ask");
    }

    /// What reached the sites, those of the ones at the server first.
    fn reached(&self) -> [usize; 2] {
        [&self.there, &self.away].map(|gateways| gateways.iter().map(|gateway| gateway.site.count()).sum())
    }
}

#[test]
fn a_gateway_cut_off_lets_nothing_pass_where_policy_denies() {
    let three = Three::parted("deny");
    let [there, away] = three.storms();
    Three::assert_unmoved(&there);
    assert_eq!(away, [(503, MEANWHILE)].into());
    three.assert_calm();
    three.assert_agree_again();
    assert_eq!(three.reached(), [BURST as usize - BEFORE, BEFORE], "admitted exactly the burst");
}

#[test]
fn a_gateway_cut_off_lets_all_pass_and_says_so_where_policy_allows() {
    let three = Three::parted("allow");
    let [there, away] = three.storms();
    Three::assert_unmoved(&there);
    assert_eq!(away, [(200, MEANWHILE)].into());
    three.assert_calm();
    three.away().await_until("the outage is recorded", |away| {
        let events = away.json(&["events", "--where", "\"gateway.store_failed\" in reasons"]);
        (!events.is_empty()).then_some(())
    });
    assert_eq!(three.reached(), [BURST as usize - BEFORE, BEFORE + MEANWHILE]);
    three.assert_agree_again();
}

#[test]
fn a_gateway_cut_off_admits_a_limit_of_its_own_where_policy_has_it_count_locally() {
    let three = Three::parted("local");
    let [there, away] = three.storms();
    Three::assert_unmoved(&there);
    let own = BURST as usize;
    assert_eq!(away, [(200, own), (429, MEANWHILE - own)].into());
    three.assert_calm();
    assert_eq!(figure(three.away(), "state_counted_locally_total"), MEANWHILE as u64);
    // Asked while it comes back, it refuses by its own count or by that of all; then only by that of all.
    three.assert_agree_again();
    let local = figure(three.away(), "state_counted_locally_total");
    assert_eq!(storm(&three.away, BEFORE), [(429, BEFORE)].into());
    assert_eq!(figure(three.away(), "state_counted_locally_total"), local);
    assert_eq!(three.reached(), [own - BEFORE, own + BEFORE], "a burst for each side");
}

#[test]
fn what_was_asked_behind_a_cut_wire_counts_once_at_most_and_is_never_admitted() {
    let three = Three::parted("deny");
    let lost = 20;
    assert_eq!(storm(&three.away, lost), [(503, lost)].into());
    three.wire.mend();
    three.away().await_until("it is back", |away| (figure(away, "state_connected") == 1).then_some(()));
    for gateways in [&three.away, &three.there] {
        let seen = storm(gateways, MEANWHILE);
        assert!(seen.keys().all(|status| [200, 429].contains(status)), "{seen:?}");
    }
    let admitted: usize = three.reached().iter().sum();
    let most = BURST as usize;
    assert!((most - lost..=most).contains(&admitted), "{admitted} of {most}");
}
