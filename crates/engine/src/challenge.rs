//! Proofs of work: puzzles, their solutions, and the passes that follow.
//!
//! Nothing is kept: a puzzle and a pass carry their own times and are signed with the node secret over the site, the
//! address (IPv6: its /64) and the user agent they are for, so that every node of a deployment takes them, and no other
//! caller can use them. Invariant: neither says anything of its caller. Deliberately absent: when a proof is asked for.

use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_model::{CallerKey, Timestamp};
use subtle::ConstantTimeEq as _;

use crate::node_key::NodeKeys;

/// What a site asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) difficulty: u8,
    pub(crate) lasts: Duration,
    pub(crate) within: Duration,
    pub(crate) wait: Duration,
}

impl Terms {
    pub(crate) fn of(challenge: &portcullis_policy::Challenge) -> Self {
        let difficulty = challenge.difficulty.bits();
        Self { difficulty, lasts: challenge.lasts, within: challenge.within, wait: challenge.wait }
    }
}

/// Whom a puzzle or pass is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bearer<'a> {
    pub(crate) site: &'a str,
    pub(crate) address: IpAddr,
    pub(crate) agent: &'a [u8],
}

/// Why something sent as a solution is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not what the page sends.
    Malformed,
    /// Its puzzle was not posed to this caller, or by this deployment.
    Foreign,
    /// Its puzzle was posed too long ago.
    Expired,
    /// It does not solve the puzzle.
    Wrong,
    /// Without a solution this long is still to be waited.
    Early(Duration),
}

impl Fault {
    /// The code of its reason.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "challenge.malformed",
            Self::Foreign => "challenge.other_caller",
            Self::Expired => "challenge.expired",
            Self::Wrong => "challenge.wrong",
            Self::Early(_) => "challenge.early",
        }
    }
}

/// How a puzzle was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// By its solution.
    Solved,
    /// By waiting.
    Waited,
}

/// A puzzle in bytes: when it was posed (seconds), how hard it is, what makes it unlike others, who signed it. 48 bytes
/// are 64 characters, one block of SHA-256, which a solver hashes once.
const POSED: usize = 8;
const SALT: usize = 7;
const BODY: usize = POSED + 1 + SALT;
const PUZZLE: usize = BODY + 32;
/// A pass: until when (seconds), who signed it.
const PASS: usize = 8 + 32;
/// More digits than any solution that was searched for from zero.
const MOST_DIGITS: usize = 15;
/// How far clocks of nodes may lie apart.
const SKEW: i64 = 60;

/// A puzzle for a caller; `salt` makes it unlike others.
pub(crate) fn pose(
    keys: &NodeKeys,
    bearer: &Bearer<'_>,
    difficulty: u8,
    now: Timestamp,
    salt: u128,
) -> String {
    let mut bytes = Vec::with_capacity(PUZZLE);
    bytes.extend_from_slice(&now.as_secs().to_le_bytes());
    bytes.push(difficulty);
    bytes.extend(salt.to_le_bytes().into_iter().take(SALT));
    let signature = sign(keys, b"puzzle", bearer, &bytes);
    bytes.extend_from_slice(signature.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether a caller met a puzzle: with a solution, or, where that is empty, by having waited.
pub(crate) fn check(
    keys: &NodeKeys,
    bearer: &Bearer<'_>,
    terms: &Terms,
    now: Timestamp,
    (puzzle, solution): (&str, &str),
) -> Result<Met, Fault> {
    let bytes = decode::<PUZZLE>(puzzle).ok_or(Fault::Malformed)?;
    let (body, signature) = bytes.split_at_checked(BODY).ok_or(Fault::Malformed)?;
    if !is_signed(keys, b"puzzle", bearer, body, signature) {
        return Err(Fault::Foreign);
    }
    let posed = read_time(body).ok_or(Fault::Malformed)?;
    let age = now.as_secs() - posed;
    let waited = Duration::from_secs(u64::try_from(age).unwrap_or(0));
    if age < -SKEW || waited > terms.within {
        return Err(Fault::Expired);
    }
    if solution.is_empty() {
        let left = terms.wait.saturating_sub(waited);
        return if left.is_zero() { Ok(Met::Waited) } else { Err(Fault::Early(left)) };
    }
    let difficulty = body.get(POSED).copied().ok_or(Fault::Malformed)?;
    if solution.len() > MOST_DIGITS || !solution.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::Malformed);
    }
    if zero_bits(puzzle, solution) < u32::from(difficulty) { Err(Fault::Wrong) } else { Ok(Met::Solved) }
}

/// A pass for a caller that proved itself.
pub(crate) fn grant(keys: &NodeKeys, bearer: &Bearer<'_>, until: Timestamp) -> String {
    let mut bytes = Vec::with_capacity(PASS);
    bytes.extend_from_slice(&until.as_secs().to_le_bytes());
    let signature = sign(keys, b"pass", bearer, &bytes);
    bytes.extend_from_slice(signature.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether a text is a caller's pass, and still holds.
pub(crate) fn is_pass(keys: &NodeKeys, bearer: &Bearer<'_>, now: Timestamp, text: &str) -> bool {
    let Some(bytes) = decode::<PASS>(text) else { return false };
    let Some((body, signature)) = bytes.split_at_checked(8) else { return false };
    let holds = read_time(body).is_some_and(|until| now.as_secs() < until);
    holds && is_signed(keys, b"pass", bearer, body, signature)
}

/// What names a page's script in its content security policy: nobody without the secret can guess it.
pub(crate) fn page_nonce(keys: &NodeKeys, salt: u128) -> String {
    let hash = keys.challenge(&[b"page", &salt.to_le_bytes()]);
    URL_SAFE_NO_PAD.encode(hash.as_bytes().get(..16).unwrap_or_default())
}

fn sign(keys: &NodeKeys, kind: &[u8], bearer: &Bearer<'_>, body: &[u8]) -> blake3::Hash {
    // IPv6 by /64, as everywhere where an address stands for a caller.
    let address = match CallerKey::address(bearer.address) {
        CallerKey::Address(IpAddr::V4(v4)) => v4.to_ipv6_mapped(),
        CallerKey::Address(IpAddr::V6(v6)) => v6,
        CallerKey::Identity(_) => std::net::Ipv6Addr::UNSPECIFIED,
    };
    keys.challenge(&[kind, bearer.site.as_bytes(), &address.octets(), bearer.agent, body])
}

fn is_signed(keys: &NodeKeys, kind: &[u8], bearer: &Bearer<'_>, body: &[u8], signature: &[u8]) -> bool {
    sign(keys, kind, bearer, body).as_bytes().ct_eq(signature).into()
}

fn decode<const LENGTH: usize>(text: &str) -> Option<Vec<u8>> {
    if text.len() != (LENGTH * 4).div_ceil(3) {
        return None;
    }
    URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == LENGTH)
}

fn read_time(bytes: &[u8]) -> Option<i64> {
    bytes.first_chunk().map(|seconds| i64::from_le_bytes(*seconds))
}

/// How many zero bits the hash of puzzle and solution begins with.
fn zero_bits(puzzle: &str, solution: &str) -> u32 {
    let hash = digest(&SHA256, format!("{puzzle}{solution}").as_bytes());
    let mut bits = 0;
    for byte in hash.as_ref() {
        bits += byte.leading_zeros();
        if *byte != 0 {
            break;
        }
    }
    bits
}

/// The solution a browser would find.
#[cfg(test)]
fn search(puzzle: &str, difficulty: u8) -> String {
    let mut solutions = (0_u64..).map(|number| number.to_string());
    solutions.find(|text| zero_bits(puzzle, text) >= u32::from(difficulty)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
