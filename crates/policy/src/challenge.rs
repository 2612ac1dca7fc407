//! What a challenge asks of a browser, and how long it is then left alone.
//!
//! Invariant: the work asked for is bounded, so that no policy can keep people out for minutes.

use std::time::Duration;

use portcullis_document::{Node, Problem};

use crate::decode::{Decode, Reading, section};
use crate::scalar::whole;
use crate::table::{Json, Kind, Scalar};

section! {
    /// What `challenge` asks of a browser before it lets it go on: a small computation that its script does by itself,
    /// or, without scripts, a wait.
    pub struct Challenge as "challenge" {
        /// How hard the computation is, in bits from 8 to 24: each bit doubles it. 16 takes a phone a second or less.
        difficulty: Difficulty = "16",
        /// For how long a browser that proved itself is not asked again. The proof holds for one site, one address
        /// (IPv6: its /64) and one user agent.
        lasts: Duration = "12h",
        /// How long a puzzle may be solved.
        within: Duration = "10m",
        /// How long people without scripts wait instead before they may go on.
        wait: Duration = "20s",
    }
    => settle_challenge
}

/// A puzzle nobody can wait for would lock people without scripts out.
fn settle_challenge(challenge: Challenge, node: &Node, reading: &mut Reading) -> Option<Challenge> {
    if challenge.wait >= challenge.within {
        let message = "a puzzle would be over before those without scripts have waited for it";
        let place =
            node.entry("wait").or_else(|| node.entry("within")).map_or(&node.place, |one| &one.value.place);
        let problem = Problem::error("policy.challenge_wait", message).at(place);
        return reading.refuse(problem.remedy("let `wait` be shorter than `within`"));
    }
    if challenge.lasts.as_secs() == 0 {
        let place = &node.get("lasts").unwrap_or(node).place;
        let problem =
            Problem::error("policy.challenge_lasts", "browsers would be asked again at once").at(place);
        return reading.refuse(problem.remedy("e.g. `lasts: 12h`"));
    }
    Some(challenge)
}

/// How many leading zero bits a solution's hash has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difficulty(u8);

const LEAST: u64 = 8;
const MOST: u64 = 24;

impl Difficulty {
    /// The bits.
    pub const fn bits(self) -> u8 {
        self.0
    }
}

impl Decode for Difficulty {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "difficulty",
        about: "a whole number from 8 to 24",
        json: Json::Whole(LEAST, MOST),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        whole(node, LEAST, MOST, reading).and_then(|bits| u8::try_from(bits).ok()).map(Self)
    }
}
