//! Where a rule looks: kinds of places, and names or values there.

use crate::builtin::Subject;

/// A kind of place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The method.
    Method,
    /// The path, as sent and as forwarded.
    Path,
    /// A request target or body as a whole, for what its parts do not show.
    Target,
    /// A query parameter.
    Query,
    /// The whole query, decoded.
    WholeQuery,
    /// A cookie.
    Cookie,
    /// `User-Agent`.
    Agent,
    /// `Referer`.
    Referer,
    /// A field without a syntax of its own.
    Header,
    /// A field with one: `Accept`, `Host`, …
    Standard,
    /// A member, field or item of a body.
    Body,
    /// The file name of an upload.
    File,
}

/// The words of the pack's `where`, and what each means.
const WORDS: &[(&str, &[Kind])] = &[
    ("method", &[Kind::Method]),
    ("path", &[Kind::Path]),
    ("target", &[Kind::Target]),
    ("query", &[Kind::Query]),
    ("whole query", &[Kind::WholeQuery]),
    ("cookies", &[Kind::Cookie]),
    ("user agent", &[Kind::Agent]),
    ("referer", &[Kind::Referer]),
    ("headers", &[Kind::Header]),
    ("standard headers", &[Kind::Standard]),
    ("body", &[Kind::Body]),
    ("file names", &[Kind::File]),
];

/// A set of kinds of places, and whether names count there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    values: u16,
    names: u16,
}

impl Scope {
    /// Everywhere a person or a program puts data, names too.
    pub(super) const DATA: Self = {
        let kinds = 1 << Kind::Path as u16
            | 1 << Kind::Query as u16
            | 1 << Kind::WholeQuery as u16
            | 1 << Kind::Cookie as u16
            | 1 << Kind::Agent as u16
            | 1 << Kind::Referer as u16
            | 1 << Kind::Header as u16
            | 1 << Kind::Standard as u16
            | 1 << Kind::Body as u16
            | 1 << Kind::File as u16;
        Self { values: kinds, names: kinds }
    };

    /// No place at all.
    pub(super) const NONE: Self = Self { values: 0, names: 0 };

    /// Adds what a word of `where` means: a kind of place, `names of` one, or `data`. False for no such word.
    pub(super) fn add(&mut self, word: &str) -> bool {
        if word == "data" {
            self.values |= Self::DATA.values;
            self.names |= Self::DATA.names;
            return true;
        }
        let (only_names, word) = word.strip_prefix("names of ").map_or((false, word), |word| (true, word));
        let Some((_, kinds)) = WORDS.iter().find(|(known, _)| *known == word) else { return false };
        for kind in *kinds {
            let bit = 1 << *kind as u16;
            if only_names { self.names |= bit } else { self.values |= bit }
        }
        true
    }

    /// Whether a name or value there is looked at.
    pub(super) const fn covers(self, kind: Kind, subject: Subject) -> bool {
        let set = match subject {
            Subject::Name => self.names,
            Subject::Value => self.values,
        };
        set & 1 << kind as u16 != 0
    }
}
