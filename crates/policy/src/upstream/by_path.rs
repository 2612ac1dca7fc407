//! Several upstreams of one site: which paths go to which, and what becomes of the path on its way there.
//!
//! Invariants: a prefix is whole segments of the normalised path; the longest that fits wins, so the order written
//! does not matter. Deliberately absent: what happens where two servers could disagree about a path, which is the
//! engine's.

use portcullis_document::{Node, Place, Problem};
use smol_str::SmolStr;

use crate::decode::{ByName, Decode, Reading, TakesName, nothing_written, section};
use crate::table::{Json, Kind, Scalar};
use crate::upstream::Upstream;

section! {
    /// An upstream of its own for the paths below a prefix.
    pub struct PathUpstream as "upstream by path" {
        /// The paths it is for: whole segments of the normalised path, `/billing` for `/billing` and all below it. Of
        /// several that fit, also in other upstreams, the longest holds.
        prefix: Vec<PathPrefix>,
        /// What stands before the rest of the path instead of the prefix: `/` takes the prefix away. Without it the path
        /// goes on as it is. What is judged, learned and recorded is always the path the client asked for; the upstream
        /// reads the prefix in `X-Forwarded-Prefix`.
        rewrite: Option<PathPrefix>,
        ..upstream: Upstream,
        + {
            /// Its name, in events and metrics.
            name: SmolStr = SmolStr::default(),
        }
    }
    => settle_path_upstream
}

/// The upstreams of a site that are for some of its paths, by name.
pub type PathUpstreams = ByName<PathUpstream>;

impl TakesName for PathUpstream {
    const WHAT: &'static str = "upstream";

    fn named(self, name: SmolStr) -> Self {
        Self { name, ..self }
    }
}

fn settle_path_upstream(upstream: PathUpstream, node: &Node, reading: &mut Reading) -> Option<PathUpstream> {
    if nothing_written(node, "prefix") {
        let problem = Problem::error("policy.no_prefix", "no path goes to this upstream").at(&node.place);
        return reading.refuse(problem.remedy("e.g. `prefix: /billing`"));
    }
    Some(upstream)
}

/// Notes prefixes that two upstreams of a site claim, and an upstream for the rest where there is no rest.
pub(crate) fn check_prefixes(own: Option<&Upstream>, others: &[PathUpstream], reading: &mut Reading) {
    let all: Vec<&PathPrefix> = others.iter().flat_map(|upstream| &upstream.prefix).collect();
    for (index, prefix) in all.iter().enumerate() {
        if let Some(first) = all.iter().take(index).find(|first| first.text == prefix.text) {
            let message = format!("the paths below `{}` go to an upstream already", prefix.text);
            let problem = Problem::error("policy.same_prefix", message).at(&prefix.place);
            reading
                .problems
                .push(problem.also(&first.place, "named here first").remedy("keep one of the two"));
        }
    }
    if let Some((whole, own)) = all.iter().find(|prefix| prefix.is_whole()).zip(own) {
        let problem = Problem::warning("policy.unreached_upstream", "no path is left for `upstream`");
        let problem = problem.at(&own.place).also(&whole.place, "all of them go here");
        reading.problems.push(problem.remedy("leave one of the two out"));
    }
}

/// The beginning of a path, in whole segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPrefix {
    text: SmolStr,
    segments: Vec<SmolStr>,
    place: Place,
}

impl PathPrefix {
    /// Without the slash at its end, if it has one; `/` is `/`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How many segments it has; none for `/`.
    pub fn depth(&self) -> usize {
        self.segments.len()
    }

    /// Whether it is `/`.
    pub fn is_whole(&self) -> bool {
        self.segments.is_empty()
    }

    /// Whether a path of these decoded segments begins with it.
    pub fn holds<'a>(&self, mut segments: impl Iterator<Item = &'a str>) -> bool {
        self.segments.iter().all(|own| segments.next() == Some(own))
    }

    /// Reads a prefix, or says what is wrong with it.
    fn parse(text: &str, place: &Place) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix('/') else { return Err(format!("write `/{text}`")) };
        if let Some(bare) = text.strip_suffix("/**").or_else(|| text.strip_suffix("/*")) {
            return Err(format!(
                "write `{}`: a prefix always means everything below it",
                if bare.is_empty() { "/" } else { bare }
            ));
        }
        let rest = rest.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(rest);
        let segments: Vec<SmolStr> =
            if rest.is_empty() { Vec::new() } else { rest.split('/').map(SmolStr::from).collect() };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()+,=:@".contains(&byte);
        let named = |segment: &SmolStr| !matches!(&**segment, "" | "." | "..") && segment.bytes().all(plain);
        if !segments.iter().all(named) {
            return Err("segments of letters, digits and `-._~!$&'()+,=:@`, as in `/api/v2`".to_owned());
        }
        let text = if rest.is_empty() { "/".into() } else { SmolStr::from(format!("/{rest}")) };
        Ok(Self { text, segments, place: place.clone() })
    }
}

impl Decode for PathPrefix {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "prefix",
        about: "the beginning of a path in whole segments: `/billing`, `/api/v2`, `/` for all",
        json: Json::Pattern(r"^/[A-Za-z0-9._~!$&'()+,=:@/-]*$"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let expected = "the beginning of a path";
        let text = reading.text(node, expected)?;
        match Self::parse(&text, &node.place) {
            Ok(prefix) => Some(prefix),
            Err(remedy) => reading.wrong_kind(node, expected, &remedy),
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_document::SourceFile;

    use super::*;

    fn prefix(text: &str) -> Result<PathPrefix, String> {
        PathPrefix::parse(text, &Place::new(&SourceFile::new("", ""), 0..0))
    }

    #[test]
    fn a_prefix_is_whole_segments() {
        for (own, path, expected) in [
            ("/billing", "/billing", true),
            ("/billing", "/billing/", true),
            ("/billing/", "/billing/a", true),
            ("/billing", "/billings", false),
            ("/billing", "/a/billing", false),
            ("/api/v2", "/api", false),
            ("/", "/", true),
            ("/", "/anything", true),
        ] {
            let given = path.strip_prefix('/').unwrap().split('/');
            assert_eq!(prefix(own).unwrap().holds(given), expected, "{own} {path}");
        }
    }

    #[test]
    fn what_is_no_prefix_is_refused() {
        for text in ["billing", "/a//b", "/a/../b", "/a%2fb", "/a?b", "/a/**", "/a;b", "//", ""] {
            assert!(prefix(text).is_err(), "{text}");
        }
    }
}
