//! Route patterns: a method, if one, and a path with `*` and `**`.
//!
//! A pattern is matched against the decoded segments of the path that is judged and forwarded.

use http::Method;
use portcullis_document::{Node, Problem, nearest};
use smol_str::SmolStr;

use crate::decode::{Decode, Reading};
use crate::table::{Json, Kind, Scalar};

/// Methods of HTTP and of its extension for authoring, those that services are asked with.
const METHODS: [&str; 21] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "QUERY",
    "SEARCH",
    "PURGE",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "MKCALENDAR",
];

/// Which requests of a site a route is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutePattern {
    text: SmolStr,
    method: Option<Method>,
    segments: Vec<Segment>,
    tail: Tail,
}

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// This text.
    Literal(SmolStr),
    /// Anything between these two: `*`, `report-*.pdf`.
    Within(SmolStr, SmolStr),
}

/// What may follow the segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    /// Nothing.
    Closed,
    /// Any number of segments, also none: `/**`.
    Open,
}

impl RoutePattern {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The method it is limited to.
    pub fn method(&self) -> Option<&Method> {
        self.method.as_ref()
    }

    /// Whether it is for a request of that method and those decoded path segments. `HEAD` is taken as `GET`.
    ///
    /// `/a` has the segment `a`; `/a/` has `a` and an empty one; `/` has an empty one. A path that does not fit is also
    /// read as servers do that drop path parameters, merge slashes and decode them: `/internal;v=1/x`, `//internal/x`
    /// and `/internal%2Fx` are no ways around the route for `/internal/**`.
    pub fn matches<'a>(&self, method: &Method, segments: &(impl Iterator<Item = &'a str> + Clone)) -> bool {
        let method =
            if *method == Method::HEAD && self.method != Some(Method::HEAD) { &Method::GET } else { method };
        if self.method.as_ref().is_some_and(|own| own != method) {
            return false;
        }
        let folds = |segment: &str| segment.is_empty() || segment.contains([';', '/', '\\']);
        self.fits(segments.clone()) || (segments.clone().any(folds) && self.fits(folded(segments.clone())))
    }

    fn fits<'a>(&self, mut given: impl Iterator<Item = &'a str>) -> bool {
        let all = self.segments.iter().all(|wanted| given.next().is_some_and(|segment| wanted.fits(segment)));
        all && (self.tail == Tail::Open || given.next().is_none())
    }

    /// Reads a pattern, or says what is wrong with it.
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (method, path) = match text.split_once(' ') {
            Some((method, path)) => (Some(method), path.trim_start()),
            None => (None, text),
        };
        let method = match method {
            Some(name) if name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-') => {
                Some(name.parse().map_err(|_| "the method is a word in capitals")?)
            }
            Some(_) => return Err("the method is a word in capitals: `GET /path`"),
            None => None,
        };
        let Some(rest) = path.strip_prefix('/') else { return Err("a path begins with `/`") };
        if path.contains(['?', '#', '%']) {
            return Err("only the decoded path: for queries write a rule with a condition");
        }
        let mut parts: Vec<&str> = rest.split('/').collect();
        let tail = if parts.last() == Some(&"**") { Tail::Open } else { Tail::Closed };
        if tail == Tail::Open {
            parts.pop();
        }
        let segments = parts.into_iter().map(Segment::parse).collect::<Result<_, _>>()?;
        Ok(Self { text: text.into(), method, segments, tail })
    }
}

/// The segments as a lenient server reads them: slashes decoded and merged, path parameters dropped.
pub fn folded<'a>(segments: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    let mut rest = segments.flat_map(|segment| segment.split(['/', '\\'])).peekable();
    std::iter::from_fn(move || {
        loop {
            let name = rest.next()?.split(';').next().unwrap_or_default();
            // Only a last empty segment means anything.
            if !name.is_empty() || rest.peek().is_none() {
                return Some(name);
            }
        }
    })
}

impl Segment {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "**" => Err("`**` stands at the end only"),
            "." | ".." => Err("`.` and `..` are resolved before a path is matched"),
            _ if text.starts_with('{') && text.ends_with('}') => Ok(Self::Within("".into(), "".into())),
            _ => match text.split_once('*') {
                None => Ok(Self::Literal(text.into())),
                Some((_, after)) if after.contains('*') => Err("one `*` a segment"),
                Some((before, after)) => Ok(Self::Within(before.into(), after.into())),
            },
        }
    }

    fn fits(&self, segment: &str) -> bool {
        match self {
            Self::Literal(text) => text == segment,
            Self::Within(before, after) => {
                segment.len() > before.len() + after.len()
                    && segment.starts_with(&**before)
                    && segment.ends_with(&**after)
            }
        }
    }
}

impl Decode for RoutePattern {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "pattern",
        about: "a method, if one, and a path: `GET /health`, `/internal/**`, `/reports/*.pdf`",
        json: Json::Pattern(r"^([A-Z-]+ +)?/[^?#%]*$"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "a method and path pattern")?;
        match Self::parse(&text) {
            Ok(pattern) => {
                if let Some(method) = pattern.method().filter(|method| !METHODS.contains(&method.as_str())) {
                    reading.problems.push(unusual(method, node));
                }
                Some(pattern)
            }
            Err(remedy) => reading.wrong_kind(
                node,
                "a method, if one, and a path: `GET /health`, `/internal/**`",
                remedy,
            ),
        }
    }
}

/// A site may have methods of its own, but most that nobody knows are misspelt.
fn unusual(method: &Method, node: &Node) -> Problem {
    let problem =
        Problem::warning("policy.unusual_method", format!("`{method}` is no method of HTTP or WebDAV"));
    let remedy = match nearest(method.as_str(), METHODS) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "leave it if the site has a method of its own".to_owned(),
    };
    problem.at(&node.place).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, request: &str) -> bool {
        let (method, path) = request.split_once(' ').unwrap();
        let pattern = RoutePattern::parse(pattern).unwrap();
        pattern.matches(&method.parse().unwrap(), &path.strip_prefix('/').unwrap().split('/'))
    }

    #[test]
    fn patterns_match_methods_and_segments() {
        for (pattern, request, expected) in [
            ("/health", "GET /health", true),
            ("/health", "GET /health/", false),
            ("/health", "GET /healthy", false),
            ("GET /health", "POST /health", false),
            ("GET /health", "HEAD /health", true),
            ("/internal/**", "GET /internal/a/b", true),
            ("/internal/**", "GET /internal", true),
            ("/internal/**", "GET /internal/", true),
            ("/internal/**", "GET /internally", false),
            ("/a/*/c", "GET /a/b/c", true),
            ("/a/*/c", "GET /a//c", false),
            ("/internal/**", "GET /internal;v=1/a", true),
            ("/internal/**", "GET //internal//a", true),
            ("/internal/**", "GET /;/internal", true),
            ("/internal/**", "GET /a;/internal", false),
            ("/internal/a", "GET /internal/a;x", true),
            ("/internal/a", "GET /internal/a/;x", false),
            ("/internal/a", "GET /internal/a/", false),
            ("/a/{id}/c", "GET /a/b/c", true),
            ("/reports/*.pdf", "GET /reports/x.pdf", true),
            ("/reports/*.pdf", "GET /reports/.pdf", false),
            ("/**", "GET /", true),
            ("/", "GET /", true),
            ("/", "GET /a", false),
        ] {
            assert_eq!(matches(pattern, request), expected, "{pattern} {request}");
        }
    }

    #[test]
    fn an_encoded_slash_is_no_way_around() {
        let pattern = RoutePattern::parse("/internal/**").unwrap();
        for (segments, expected) in
            [(&["internal/a"][..], true), (&["x", "..\\internal"], false), (&["\\internal"], true)]
        {
            assert_eq!(pattern.matches(&Method::GET, &segments.iter().copied()), expected, "{segments:?}");
        }
    }

    #[test]
    fn what_cannot_match_is_refused() {
        for pattern in ["health", "get /x", "GET x", "/a/**/b", "/a?b", "/a/../b", "/*a*", "/a%2Fb", ""] {
            assert!(RoutePattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
