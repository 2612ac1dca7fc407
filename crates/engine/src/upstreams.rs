//! A site's upstreams, compiled: which prefix of a path leads to which, and what stands in its place.
//!
//! Invariant: the longest prefix that fits is found first. It knows no servers.

use std::borrow::Cow;
use std::sync::Arc;

use portcullis_policy::PathPrefix;
use smol_str::SmolStr;

use crate::scope::Part;

/// Where the paths of a site go.
#[derive(Debug)]
pub(crate) struct Upstreams {
    /// Whether there are servers for paths that no prefix fits.
    rest: Rest,
    /// What exchanges at the site's own servers are balanced by, where it is a key.
    own_key: Option<Arc<[Part]>>,
    /// The longest first.
    prefixes: Vec<Prefix>,
}

/// What becomes of paths that no prefix fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// They go to the site's own upstream.
    Served,
    /// Nobody answers for them.
    Nowhere,
}

/// A prefix, and where it leads.
#[derive(Debug)]
pub(crate) struct Prefix {
    pub(crate) below: PathPrefix,
    /// The place of its upstream among those by path.
    pub(crate) upstream: usize,
    /// That upstream's name.
    pub(crate) name: SmolStr,
    /// What stands in its place, without a slash at the end.
    pub(crate) rewrite: Option<SmolStr>,
    /// What exchanges are balanced by, where it is a key.
    pub(crate) key: Option<Arc<[Part]>>,
}

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the site's own upstream.
    Own,
    /// Where the prefix at that place leads.
    Prefix(usize),
    /// To nobody.
    Nowhere,
}

impl Upstreams {
    /// Those of a site.
    pub(crate) fn compile(
        site: &portcullis_policy::Site,
        key: impl Fn(&portcullis_policy::Upstream) -> Option<Arc<[Part]>>,
    ) -> Self {
        let mut prefixes: Vec<Prefix> = Vec::new();
        for (upstream, one) in site.upstreams.iter().enumerate() {
            let rewrite =
                one.rewrite.as_ref().map(|new| SmolStr::from(if new.is_whole() { "" } else { new.as_str() }));
            let compiled = one.prefix.iter().map(|prefix| Prefix {
                below: prefix.clone(),
                upstream,
                name: one.name.clone(),
                rewrite: rewrite.clone(),
                key: key(&one.upstream),
            });
            prefixes.extend(compiled);
        }
        prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.below.depth()));
        let rest = if site.upstream.is_some() { Rest::Served } else { Rest::Nowhere };
        let own_key = site.upstream.as_ref().and_then(key);
        Self { rest, own_key, prefixes }
    }

    /// Whether all paths go to one upstream.
    pub(crate) fn is_single(&self) -> bool {
        self.prefixes.is_empty()
    }

    /// The prefix at that place.
    pub(crate) fn prefix(&self, place: usize) -> Option<&Prefix> {
        self.prefixes.get(place)
    }

    /// What exchanges are balanced by where that prefix leads, or at the site's own servers.
    pub(crate) fn key(&self, prefix: Option<usize>) -> Option<&[Part]> {
        match prefix {
            Some(place) => self.prefix(place)?.key.as_deref(),
            None => self.own_key.as_deref(),
        }
    }

    /// Where a path of these decoded segments leads.
    pub(crate) fn way<'a>(&self, segments: &(impl Iterator<Item = &'a str> + Clone)) -> Way {
        match self.prefixes.iter().position(|one| one.below.holds(segments.clone())) {
            Some(place) => Way::Prefix(place),
            None if self.rest == Rest::Served => Way::Own,
            None => Way::Nowhere,
        }
    }
}

impl Prefix {
    /// A judged target as its upstream reads it.
    pub(crate) fn rewritten<'a>(&self, target: &'a str) -> Cow<'a, str> {
        let Some(new) = &self.rewrite else { return Cow::Borrowed(target) };
        let rest = self.rest_of(target);
        let slash = if new.is_empty() && !rest.starts_with('/') { "/" } else { "" };
        Cow::Owned([new, slash, rest].concat())
    }

    /// A path as clients know it that the upstream named as it reads it, query and fragment and all. Nothing for one that
    /// is not below what it reads, or that names the prefix already: it may know that from `X-Forwarded-Prefix`.
    pub(crate) fn restored(&self, path: &str) -> Option<String> {
        let new = self.rewrite.as_deref()?;
        let below = if self.below.is_whole() { "" } else { self.below.as_str() };
        let rest_below = |prefix: &str| {
            path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
        };
        if new.is_empty() && !below.is_empty() && rest_below(below).is_some() {
            return None;
        }
        let rest = rest_below(new)?;
        let slash = if below.is_empty() && !rest.starts_with('/') { "/" } else { "" };
        Some([below, slash, rest].concat())
    }

    /// What follows the prefix: from a slash on, or from the query, or nothing.
    fn rest_of<'a>(&self, target: &'a str) -> &'a str {
        let path_end = target.find('?').unwrap_or(target.len());
        let path = target.get(..path_end).unwrap_or_default();
        let end = match self.below.depth() {
            0 => 0,
            depth => path.match_indices('/').nth(depth).map_or(path_end, |(at, _)| at),
        };
        target.get(end..).unwrap_or_default()
    }
}
