//! Sets of literals looked up without walking a tree: words and networks.

use std::net::IpAddr;

use foldhash::fast::FixedState;
use hashbrown::HashSet;
use ipnet::IpNet;
use smol_str::SmolStr;

/// A set of words: few are compared one by one, many are hashed.
///
/// The hash is fixed: the words are the policy's, so nobody can choose them to collide.
#[derive(Clone, Debug)]
pub(crate) enum WordSet {
    Few(Vec<SmolStr>),
    Many(HashSet<SmolStr, FixedState>),
}

/// Up to here comparing beats hashing.
const FEW: usize = 6;

impl WordSet {
    pub(crate) fn new(mut words: Vec<SmolStr>) -> Self {
        words.sort_unstable();
        words.dedup();
        if words.len() <= FEW { Self::Few(words) } else { Self::Many(words.into_iter().collect()) }
    }

    pub(crate) fn contains(&self, word: &str) -> bool {
        match self {
            Self::Few(words) => words.iter().any(|known| known == word),
            Self::Many(words) => words.contains(word),
        }
    }
}

/// A set of networks as sorted ranges of addresses that do not touch, IPv4 and IPv6 apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct IpSet {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl IpSet {
    pub(crate) fn new(nets: impl IntoIterator<Item = IpNet>) -> Self {
        let mut set = Self::default();
        for net in nets {
            match (net.network().to_canonical(), net.broadcast().to_canonical()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => set.v4.push((first.into(), last.into())),
                (IpAddr::V6(first), IpAddr::V6(last)) => set.v6.push((first.into(), last.into())),
                _ => {}
            }
        }
        set.v4 = merged(set.v4);
        set.v6 = merged(set.v6);
        set
    }

    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        match ip.to_canonical() {
            IpAddr::V4(ip) => within(&self.v4, ip.into()),
            IpAddr::V6(ip) => within(&self.v6, ip.into()),
        }
    }
}

/// Reads `10.0.0.0/8` or a single address.
pub(crate) fn parse_net(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn merged<N: Ord + Copy>(mut ranges: Vec<(N, N)>) -> Vec<(N, N)> {
    ranges.sort_unstable();
    let mut merged: Vec<(N, N)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if first <= before.1 => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}

fn within<N: Ord + Copy>(ranges: &[(N, N)], ip: N) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= ip);
    after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|(_, last)| ip <= *last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_overlapping_and_mapped_networks() {
        let nets = ["10.0.0.0/8", "10.1.0.0/16", "192.0.2.7", "2001:db8::/32", "::ffff:198.51.100.0/120"];
        let set = IpSet::new(nets.into_iter().filter_map(parse_net));
        let has = |ip: &str| ip.parse().is_ok_and(|ip| set.contains(ip));
        for ip in
            ["10.0.0.0", "10.255.255.255", "192.0.2.7", "2001:db8::1", "::ffff:10.2.3.4", "198.51.100.9"]
        {
            assert!(has(ip), "{ip}");
        }
        for ip in ["9.255.255.255", "11.0.0.0", "192.0.2.6", "192.0.2.8", "2001:db9::", "::1", "198.51.101.0"]
        {
            assert!(!has(ip), "{ip}");
        }
        let all_of_v6 = IpSet::new(parse_net("::/0"));
        assert!(all_of_v6.contains(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])));
        assert!(!all_of_v6.contains(IpAddr::from([10, 0, 0, 1])));
    }

    #[test]
    fn words_are_found_in_small_and_large_sets() {
        for size in [1, FEW, FEW + 1, 100] {
            let set = WordSet::new((0..size).map(|n| SmolStr::from(format!("w{n}"))).collect());
            assert!((0..size).all(|n| set.contains(&format!("w{n}"))));
            assert!(!set.contains("w") && !set.contains(&format!("w{size}")));
        }
    }
}
