//! The shape of the one table of keys: every key's name, kind, default and meaning.
//!
//! Sections are declared once, by `section!`, as the structs the rest of the program uses. The decoder, the JSON
//! Schema, the reference and `explain` walk the same declarations, so none of them can know another set of keys.

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// One word, number or text.
    Scalar(&'static Scalar),
    /// One of a few words.
    Words(&'static [Word]),
    /// A list.
    List(&'static Kind),
    /// One, or a list of them.
    OneOrMany(&'static Kind),
    /// A map from names a person chooses.
    Named(&'static Named),
    /// A map of known keys.
    Section(&'static Section),
    /// Any of several.
    Either(&'static [Kind]),
    /// This, or none: `off`.
    Optional(&'static Kind),
}

/// A kind of scalar.
#[derive(Clone, Copy, Debug)]
pub struct Scalar {
    /// Its name in the reference, e.g. `duration`.
    pub name: &'static str,
    /// What it looks like, in a sentence.
    pub about: &'static str,
    /// How JSON Schema describes it.
    pub json: Json,
}

/// The JSON forms of scalars.
#[derive(Clone, Copy, Debug)]
pub enum Json {
    /// Text of any form.
    Text,
    /// Text matching a regular expression (ECMA 262).
    Pattern(&'static str),
    /// Text matching a regular expression, or a whole number.
    PatternOrWhole(&'static str),
    /// `true` or `false`.
    Truth,
    /// A whole number between two bounds, both included.
    Whole(u64, u64),
}

/// One word of a choice.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// The word.
    pub word: &'static str,
    /// What it means.
    pub about: &'static [&'static str],
}

/// A map from chosen names.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// What a name names, e.g. `site`.
    pub what: &'static str,
    /// What stands under a name.
    pub kind: Kind,
}

/// A map of known keys.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// What it describes, e.g. `site`.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static [&'static str],
    /// Its own keys.
    pub keys: &'static [Key],
    /// Keys it shares with another section and inherits from there.
    pub inherits: Option<&'static Section>,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// As written.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static [&'static str],
    /// What its value may be.
    pub kind: Kind,
    /// What holds where it is not written.
    pub absent: Absent,
}

/// What holds where a key is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// It must be written.
    Mistake,
    /// There is none.
    Nothing,
    /// This value, as it would be written.
    Value(&'static str),
}

impl Section {
    /// Its own keys and those it shares.
    pub fn all_keys(&self) -> impl Iterator<Item = &'static Key> {
        self.keys.iter().chain(self.inherits.iter().flat_map(|section| section.keys))
    }

    /// The key of that name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.all_keys().find(|key| key.name == name)
    }
}

/// Doc comment lines as one paragraph.
pub fn paragraph(about: &[&str]) -> String {
    about.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}
