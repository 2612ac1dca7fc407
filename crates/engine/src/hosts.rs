//! Which site answers for a host: exact names first, then the longest `*.` pattern, then `*`.

use hashbrown::HashMap;
use portcullis_policy::HostPattern;
use smol_str::SmolStr;

type Map = HashMap<SmolStr, usize, foldhash::fast::RandomState>;

/// An index of sites by host, immutable.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    exact: Map,
    below: Map,
    any: Option<usize>,
}

impl Hosts {
    /// Adds a pattern. A checked policy gives each to one site.
    pub(crate) fn insert(&mut self, pattern: &HostPattern, site: usize) {
        match pattern {
            HostPattern::Exact(name) => drop(self.exact.insert(name.clone(), site)),
            HostPattern::Below(name) => drop(self.below.insert(name.clone(), site)),
            HostPattern::Any => self.any = Some(site),
        }
    }

    /// The site for a host in normal form.
    pub(crate) fn find(&self, host: &str) -> Option<usize> {
        self.exact.get(host).copied().or_else(|| self.find_below(host)).or(self.any)
    }

    fn find_below(&self, host: &str) -> Option<usize> {
        if self.below.is_empty() {
            return None;
        }
        let mut rest = host;
        while let Some((label, parent)) = rest.split_once('.') {
            // A name that begins with a dot is below nothing.
            if let Some(site) =
                self.below.get(parent).filter(|_| !label.is_empty() || rest.len() < host.len())
            {
                return Some(*site);
            }
            rest = parent;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_pattern_wins() {
        let mut hosts = Hosts::default();
        for (site, pattern) in [
            HostPattern::Exact("shop.example".into()),
            HostPattern::Below("shop.example".into()),
            HostPattern::Below("api.shop.example".into()),
        ]
        .iter()
        .enumerate()
        {
            hosts.insert(pattern, site);
        }
        for (host, site) in [
            ("shop.example", Some(0)),
            ("www.shop.example", Some(1)),
            ("a.b.shop.example", Some(1)),
            ("v1.api.shop.example", Some(2)),
            ("evilshop.example", None),
            (".shop.example", None),
            ("", None),
        ] {
            assert_eq!(hosts.find(host), site, "{host}");
        }
        hosts.insert(&HostPattern::Any, 7);
        assert_eq!(hosts.find(""), Some(7));
    }
}
