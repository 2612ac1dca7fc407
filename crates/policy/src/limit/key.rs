//! What a limit counts apart: the parts of its key, and what each of them must wait for.

use portcullis_document::{Node, Problem};
use portcullis_expr::{Path, Reads, Step, TagTest, Var};
use smol_str::{SmolStr, format_smolstr};

use crate::decode::{Decode, Reading, suggest, words};
use crate::scalar::{FieldPath, FieldStep, HeaderName};
use crate::table::{Json, Kind, Scalar};

/// One thing a limit counts apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyPart {
    /// The caller: the identity if one was proved, else the address.
    Caller,
    /// The client's address (IPv6: its /64).
    Ip,
    /// The network of the client's address, by the lengths of its prefix.
    Network {
        /// Of an IPv4 address.
        v4: u8,
        /// Of an IPv6 address.
        v6: u8,
    },
    /// The country of the client's address, by the database.
    Country,
    /// The autonomous system of the client's address, by the database.
    Asn,
    /// The identity; exchanges without one are not counted.
    Identity,
    /// The host.
    Host,
    /// The method.
    Method,
    /// The path.
    Path,
    /// The operation, declared or learned.
    Operation,
    /// A header field's value.
    Header(HeaderName),
    /// A query parameter's value.
    Query(SmolStr),
    /// A cookie's value.
    Cookie(SmolStr),
    /// A path parameter's value.
    Param(SmolStr),
    /// The value of a field of the request's body.
    Body(Path),
    /// The values of the tags of a namespace.
    Tag(SmolStr),
}

words! {
    /// What it means for a limit that a part of its key is not there.
    pub enum Missing {
        /// All exchanges without it count together, so that leaving it out evades nothing.
        Shared = "shared",
        /// They are not counted.
        Skip = "skip",
    }
}

impl KeyPart {
    const SIMPLE: [(&'static str, Self); 9] = [
        ("caller", Self::Caller),
        ("ip", Self::Ip),
        ("country", Self::Country),
        ("asn", Self::Asn),
        ("identity", Self::Identity),
        ("host", Self::Host),
        ("method", Self::Method),
        ("path", Self::Path),
        ("operation", Self::Operation),
    ];
    const NAMED: [&'static str; 7] = [
        "net/BITS",
        "headers.NAME",
        "query.NAME",
        "cookies.NAME",
        "params.NAME",
        "body.FIELD",
        "tag.NAMESPACE",
    ];

    fn parse(text: &str) -> Option<Self> {
        if let Some((_, part)) = Self::SIMPLE.iter().find(|(word, _)| *word == text) {
            return Some(part.clone());
        }
        if let Some(bits) = text.strip_prefix("net/") {
            return network(bits);
        }
        let (group, name) = text.split_once('.').filter(|(_, name)| !name.is_empty())?;
        match group {
            "headers" => HeaderName::parse(name).map(Self::Header),
            "query" => Some(Self::Query(name.into())),
            "cookies" => Some(Self::Cookie(name.into())),
            "params" => Some(Self::Param(name.into())),
            "body" => body_path(name).map(Self::Body),
            "tag" => (!name.contains(':')).then(|| Self::Tag(name.into())),
            _ => None,
        }
    }

    /// Adds what must be known before it can be counted.
    pub(super) fn read(&self, reads: &mut Reads) {
        match self {
            Self::Caller => reads.var(Var::Caller),
            Self::Country => reads.var(Var::Country),
            Self::Asn => reads.var(Var::Asn),
            Self::Identity => reads.var(Var::Identity),
            Self::Operation => reads.var(Var::Operation),
            Self::Param(_) => reads.var(Var::Params),
            Self::Body(path) => reads.member(Var::Body, path),
            Self::Tag(namespace) => reads.tag(TagTest::Prefix(format_smolstr!("{namespace}:"))),
            _ => {}
        }
    }
}

/// `24`, or `24/56`: the prefix's length for IPv4, and for IPv6.
fn network(bits: &str) -> Option<KeyPart> {
    let (v4, v6) = bits.split_once('/').unwrap_or((bits, "48"));
    let (v4, v6) = (v4.parse().ok()?, v6.parse().ok()?);
    ((1..=32).contains(&v4) && (1..=64).contains(&v6)).then_some(KeyPart::Network { v4, v6 })
}

fn body_path(name: &str) -> Option<Path> {
    let field = FieldPath::parse(name)?;
    let step = |step: &FieldStep| match step {
        FieldStep::Key(key) => Some(Step::Key(key.clone())),
        FieldStep::Index(index) => Some(Step::Index(*index)),
        FieldStep::Each => None,
    };
    Path::new(field.steps().iter().map(step).collect::<Option<_>>()?)
}

impl std::fmt::Display for KeyPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Network { v4, v6 } => write!(f, "net/{v4}/{v6}"),
            Self::Header(name) => write!(f, "headers.{name}"),
            Self::Query(name) => write!(f, "query.{name}"),
            Self::Cookie(name) => write!(f, "cookies.{name}"),
            Self::Param(name) => write!(f, "params.{name}"),
            Self::Body(path) => write!(f, "body.{path}"),
            Self::Tag(namespace) => write!(f, "tag.{namespace}"),
            simple => {
                let word = Self::SIMPLE.iter().find(|(_, part)| part == simple);
                f.write_str(word.map_or("", |(word, _)| word))
            }
        }
    }
}

impl Decode for KeyPart {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "key",
        about: "`caller`, `ip`, `net/24` (or `net/24/48`: the lengths for IPv4 and IPv6), `country`, `asn`, \
                `identity`, `host`, `method`, `path`, `operation`, `headers.NAME`, `query.NAME`, `cookies.NAME`, `params.NAME`, \
                `body.FIELD` or `tag.NAMESPACE`",
        json: Json::Pattern(
            r"^(caller|ip|country|asn|identity|host|method|path|operation|net/\d+(/\d+)?|(headers|query|cookies|params|body|tag)\..+)$",
        ),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "what is counted apart")?;
        if let Some(part) = Self::parse(&text) {
            return Some(part);
        }
        let known = Self::SIMPLE.iter().map(|(word, _)| *word).chain(Self::NAMED);
        let problem = Problem::error("policy.unknown_word", format!("nothing is counted by `{text}`"));
        reading.refuse(problem.at(&node.place).remedy(suggest(&text, known, "key")))
    }
}
