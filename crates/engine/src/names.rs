//! What is known of the names of addresses, by a host that can ask the DNS.
//!
//! Invariant: only a name that leads back to the address counts as its own. Deliberately absent: asking, which a host
//! does while no exchange waits.

use std::net::IpAddr;
use std::sync::Arc;

use smol_str::SmolStr;

/// What a host knows of addresses' names.
pub trait Names: Send + Sync {
    /// What is known now of this address; a host that does not know finds out for the next time.
    fn of(&self, ip: IpAddr) -> Named;
}

/// What is known of an address's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// Names it has that lead back to it: lower case, without a dot at the end.
    Confirmed(Arc<[SmolStr]>),
    /// It has none, or nobody could say.
    Nameless,
    /// It is being asked about.
    Pending,
}

impl Named {
    /// Whether one of its names is one of these domains, or below one.
    pub(crate) fn is_below(&self, domains: &[&str]) -> bool {
        let Self::Confirmed(names) = self else { return false };
        let below = |name: &str, domain: &str| {
            name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        names.iter().any(|name| domains.iter().any(|domain| below(name, domain)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_below_a_domain_by_whole_labels() {
        let check =
            |name: &str| Named::Confirmed([name.into()].into()).is_below(&["googlebot.com", "google.com"]);
        for name in ["crawl-1.googlebot.com", "googlebot.com", "a.b.google.com"] {
            assert!(check(name), "{name}");
        }
        for name in ["evilgooglebot.com", "googlebot.com.evil.example", "com", ""] {
            assert!(!check(name), "{name}");
        }
        assert!(!Named::Pending.is_below(&["com"]) && !Named::Nameless.is_below(&["com"]));
    }
}
