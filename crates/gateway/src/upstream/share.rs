//! Sharing exchanges out among servers: whose turn it is by weight, and which one a key leads to.
//!
//! Invariants: over one round every server has as many turns as its weight says, spread evenly; a key leads to the
//! same server wherever and whenever it is asked, and where a server comes or goes only its own keys move.

/// The order of turns: places of servers, each as often as its weight (over what all weights have in common).
pub(crate) fn turns(weights: &[u32]) -> Vec<usize> {
    let common = weights.iter().copied().fold(0, greatest_common_divisor).max(1);
    let weights: Vec<i64> = weights.iter().map(|weight| i64::from(weight / common)).collect();
    let total: i64 = weights.iter().sum();
    let mut owed = vec![0_i64; weights.len()];
    let mut turns = Vec::with_capacity(usize::try_from(total).unwrap_or(0));
    for _ in 0..total {
        owed.iter_mut().zip(&weights).for_each(|(owed, weight)| *owed += weight);
        // The first of those that are owed most.
        let most = owed.iter().enumerate().rev().max_by_key(|(_, owed)| **owed);
        if let Some(place) = most.map(|(place, _)| place) {
            if let Some(owed) = owed.get_mut(place) {
                *owed -= total;
            }
            turns.push(place);
        }
    }
    turns
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// How strongly a key leads to a server: the strongest is the key's own (weighted rendezvous hashing, Schindelhauer and
/// Schomaker 2005).
pub(crate) fn pull(key: u64, server: u64, weight: u32) -> f64 {
    let mixed = mix(key ^ server);
    // From 0 to 1, both excluded.
    let unit = ((mixed >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    f64::from(weight) / -unit.ln()
}

/// A server's own number: of its name, so that it is the same for every gateway.
pub(crate) fn number(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Every bit of the outcome depends on every bit given (`SplitMix64`'s finisher, Steele and others 2014).
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_spread_by_weight() {
        for (weights, expected) in [
            (&[1, 1, 1][..], &[0, 1, 2][..]),
            (&[4, 4], &[0, 1]),
            (&[2, 1], &[0, 1, 0]),
            (&[5, 1, 1], &[0, 0, 1, 0, 2, 0, 0]),
            (&[7], &[0]),
            (&[], &[]),
        ] {
            assert_eq!(turns(weights), expected, "{weights:?}");
        }
    }

    fn leads_to(key: u64, servers: &[(&str, u32)]) -> usize {
        let pulls = servers.iter().map(|(name, weight)| pull(key, number(name), *weight));
        pulls.enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b)).unwrap().0
    }

    #[test]
    fn keys_are_shared_out_by_weight_and_only_those_of_a_lost_server_move() {
        let servers = [("http://a:1", 1), ("http://b:1", 2), ("http://c:1", 1)];
        let mut counts = [0; 3];
        for key in 0..4000_u64 {
            let key = mix(key);
            let place = leads_to(key, &servers);
            counts[place] += 1;
            if place != 2 {
                assert_eq!(leads_to(key, &servers[..2]), place);
            }
        }
        for (count, expected) in counts.into_iter().zip([1000, 2000, 1000]) {
            assert!((expected - 150..expected + 150).contains(&count), "{counts:?}");
        }
    }
}
