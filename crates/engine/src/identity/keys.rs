//! API keys: the file that lists them, the ring that proves them.
//!
//! A key's text is shown once, when it is made, and kept as a keyed hash. The file is YAML, a list of
//! `{ id, prefix, hash, subject, groups, scopes, created, expires, revoked }`; `prefix` is the part of the text that may
//! be shown, and what a presented key is looked up by. Invariants: comparing takes the same time wherever two
//! hashes differ; a revoked or expired key proves nothing.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hashbrown::HashMap;
use portcullis_document::{Node, Problem, SourceFile, Value};
use portcullis_model::{Secret, Timestamp};
use smallvec::SmallVec;
use smol_str::SmolStr;
use subtle::ConstantTimeEq as _;

use crate::node_key::NodeKeys;

/// What every key begins with, so that scanners and our own redaction know one when they see one.
pub const MARK: &str = "pck_";

/// Characters of a key's text that may be shown and are kept in clear, the mark included.
const PREFIX: usize = 12;

/// Characters a presented key may have; longer ones are not ours and are not hashed.
const LONGEST: usize = 256;

/// One key as the file keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its id, for people: what `key revoke` takes.
    pub id: SmolStr,
    /// The first characters of its text.
    pub prefix: SmolStr,
    /// Its keyed hash in lower-case hexadecimal.
    pub hash: SmolStr,
    /// Whom it proves.
    pub subject: SmolStr,
    /// That caller's groups.
    pub groups: Vec<SmolStr>,
    /// What it may be used for, where an operation asks for scopes.
    pub scopes: Vec<SmolStr>,
    /// When it was made.
    pub created: Timestamp,
    /// When it stops proving anything.
    pub expires: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

/// Why a presented key proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRefusal {
    /// No key of this ring.
    Unknown,
    /// Past its end.
    Expired,
    /// Taken back.
    Revoked,
}

impl KeyRefusal {
    /// A word for the event.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown key",
            Self::Expired => "expired key",
            Self::Revoked => "revoked key",
        }
    }
}

/// The hash a key is kept as, under the node secret's bytes.
pub fn hash_key(secret: &[u8], text: &str) -> String {
    NodeKeys::derive(secret).api_key(text).to_hex().to_string()
}

impl Key {
    /// Makes a key from 32 bytes of the host's randomness: its text, to be shown once, and what the file keeps.
    pub fn mint(
        random: &[u8; 32],
        secret: &[u8],
        subject: &str,
        groups: &[SmolStr],
        now: Timestamp,
    ) -> (Secret<String>, Self) {
        let text = format!("{MARK}{}", URL_SAFE_NO_PAD.encode(random));
        let hash = hash_key(secret, &text);
        let id = smol_str::format_smolstr!("key-{}", hash.get(..8).unwrap_or_default());
        let key = Self {
            id,
            prefix: SmolStr::new(text.get(..PREFIX).unwrap_or_default()),
            hash: hash.into(),
            subject: subject.into(),
            groups: groups.to_vec(),
            scopes: Vec::new(),
            created: now,
            expires: None,
            revoked: None,
        };
        (Secret::new(text), key)
    }

    /// Whether it proves anything at `now`.
    pub fn usable(&self, now: Timestamp) -> Result<(), KeyRefusal> {
        if self.revoked.is_some_and(|at| at <= now) {
            return Err(KeyRefusal::Revoked);
        }
        if self.expires.is_some_and(|at| at <= now) {
            return Err(KeyRefusal::Expired);
        }
        Ok(())
    }
}

/// The keys of one provider.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    keys: Vec<Key>,
    by_prefix: HashMap<SmolStr, SmallVec<[u32; 1]>, foldhash::fast::RandomState>,
}

impl KeyRing {
    /// A ring of these keys.
    pub fn new(keys: Vec<Key>) -> Self {
        let mut by_prefix: HashMap<SmolStr, SmallVec<[u32; 1]>, _> = HashMap::default();
        for (at, key) in keys.iter().enumerate() {
            by_prefix.entry(key.prefix.clone()).or_default().push(at as u32);
        }
        Self { keys, by_prefix }
    }

    /// Reads a keys file; every mistake is a problem with its place. An empty file is a ring without keys.
    pub fn parse(file: &Arc<SourceFile>) -> Result<Self, Vec<Problem>> {
        let root = portcullis_document::parse(file)?;
        let mut problems = Vec::new();
        let keys = match &root.value {
            Value::Null => Vec::new(),
            Value::List(items) => items.iter().filter_map(|item| parse_key(item, &mut problems)).collect(),
            _ => {
                let problem = Problem::error("keys.not_a_list", "a keys file is a list of keys");
                problems.push(problem.at(&root.place));
                Vec::new()
            }
        };
        if problems.is_empty() { Ok(Self::new(keys)) } else { Err(problems) }
    }

    /// The keys, in the file's order.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The file's text.
    pub fn to_yaml(&self) -> String {
        let mut out =
            String::from("# API keys, hashed. Made by `portcullis key`; the keys themselves are nowhere.\n");
        if self.keys.is_empty() {
            out.push_str("[]\n");
        }
        for key in &self.keys {
            write_key(&mut out, key);
        }
        out
    }

    /// The key a presented text is, if it is one that proves something at `now`.
    pub(crate) fn find(&self, node: &NodeKeys, text: &str, now: Timestamp) -> Result<&Key, KeyRefusal> {
        let prefix = text.get(..PREFIX).filter(|_| text.len() <= LONGEST).ok_or(KeyRefusal::Unknown)?;
        let candidates = self.by_prefix.get(prefix).ok_or(KeyRefusal::Unknown)?;
        let hash = node.api_key(text).to_hex();
        let known = candidates
            .iter()
            .filter_map(|at| self.keys.get(*at as usize))
            .filter(|key| bool::from(key.hash.as_bytes().ct_eq(hash.as_bytes())))
            .collect::<SmallVec<[&Key; 1]>>();
        let key = *known.first().ok_or(KeyRefusal::Unknown)?;
        key.usable(now)?;
        Ok(key)
    }
}

fn write_key(out: &mut String, key: &Key) {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let list = |words: &[SmolStr]| words.iter().map(|word| text(word)).collect::<Vec<_>>().join(", ");
    let _ = writeln!(out, "- id: {}", text(&key.id));
    let _ = writeln!(out, "  prefix: {}", text(&key.prefix));
    let _ = writeln!(out, "  hash: {}", text(&key.hash));
    let _ = writeln!(out, "  subject: {}", text(&key.subject));
    let _ = writeln!(out, "  groups: [{}]", list(&key.groups));
    if !key.scopes.is_empty() {
        let _ = writeln!(out, "  scopes: [{}]", list(&key.scopes));
    }
    let _ = writeln!(out, "  created: {}", text(&key.created.to_string()));
    for (name, at) in [("expires", key.expires), ("revoked", key.revoked)] {
        if let Some(at) = at {
            let _ = writeln!(out, "  {name}: {}", text(&at.to_string()));
        }
    }
}

fn parse_key(item: &Node, problems: &mut Vec<Problem>) -> Option<Key> {
    let Value::Map(entries) = &item.value else {
        problems.push(Problem::error("keys.not_a_key", "a key is a map").at(&item.place));
        return None;
    };
    let field = |name: &str| entries.iter().find(|entry| entry.key.text == name).map(|entry| &entry.value);
    let mut text = |name: &str| match field(name) {
        Some(Node { value: Value::String(text), .. }) if !text.is_empty() => Some(SmolStr::new(text)),
        found => {
            let place = found.map_or(&item.place, |node| &node.place);
            problems.push(Problem::error("keys.field", format!("a key needs `{name}` as text")).at(place));
            None
        }
    };
    let (id, prefix, hash, subject, created) =
        (text("id"), text("prefix"), text("hash"), text("subject"), text("created"));
    let mut at = |name: &str, text: Option<&str>, place| {
        let read = text.and_then(Timestamp::parse);
        if text.is_some() && read.is_none() {
            problems.push(
                Problem::error("keys.time", format!("`{name}` is not an RFC 3339 time"))
                    .at(place)
                    .remedy("write it like 2026-01-31T08:00:00Z"),
            );
        }
        read
    };
    let mut optional = |name: &str| {
        field(name).and_then(|node| match &node.value {
            Value::Null => None,
            Value::String(text) => at(name, Some(text), &node.place),
            _ => at(name, Some(""), &node.place),
        })
    };
    let (expires, revoked) = (optional("expires"), optional("revoked"));
    let created = at("created", created.as_deref(), &item.place)?;
    let groups = parse_words("groups", field("groups"), problems);
    let scopes = parse_words("scopes", field("scopes"), problems);
    let (id, prefix, hash, subject) = (id?, prefix?, hash?, subject?);
    Some(Key { id, prefix, hash, subject, groups, scopes, created, expires, revoked })
}

fn parse_words(name: &str, node: Option<&Node>, problems: &mut Vec<Problem>) -> Vec<SmolStr> {
    let Some(node) = node else { return Vec::new() };
    let mut wrong = |node: &Node| {
        problems.push(Problem::error("keys.words", format!("`{name}` is a list of words")).at(&node.place));
        None
    };
    match &node.value {
        Value::Null => Vec::new(),
        Value::List(items) => items
            .iter()
            .filter_map(|item| match &item.value {
                Value::String(text) => Some(SmolStr::new(text)),
                _ => wrong(item),
            })
            .collect(),
        _ => {
            wrong(node);
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"a node secret";

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn mint(byte: u8, subject: &str) -> (String, Key) {
        let (text, key) = Key::mint(&[byte; 32], SECRET, subject, &["gold".into()], at(100));
        (text.reveal().clone(), key)
    }

    fn check(keys: Vec<Key>, text: &str, now: i64) -> Result<SmolStr, KeyRefusal> {
        let ring = KeyRing::new(keys);
        ring.find(&NodeKeys::derive(SECRET), text, at(now)).map(|key| key.subject.clone())
    }

    #[test]
    fn a_key_proves_its_subject_until_it_ends() {
        let (text, key) = mint(1, "acme");
        let (other, _) = mint(2, "other");
        assert_eq!(check(vec![key.clone()], &text, 200), Ok("acme".into()));
        for wrong in [&*other, "", "pck_", &text[..text.len() - 1], &text.replace('B', "C")] {
            assert_eq!(check(vec![key.clone()], wrong, 200), Err(KeyRefusal::Unknown), "{wrong}");
        }
        let ended = Key { expires: Some(at(300)), ..key.clone() };
        assert_eq!(check(vec![ended.clone()], &text, 299), Ok("acme".into()));
        assert_eq!(check(vec![ended], &text, 300), Err(KeyRefusal::Expired));
        assert_eq!(check(vec![Key { revoked: Some(at(150)), ..key }], &text, 200), Err(KeyRefusal::Revoked));
    }

    #[test]
    fn the_file_is_written_and_read_back_and_holds_no_key() {
        let (text, mut key) = mint(1, "ac: \"me\"");
        key.expires = Some(at(500));
        key.scopes = vec!["orders:read".into(), "a \"b\"".into()];
        let yaml = KeyRing::new(vec![key, mint(2, "b").1]).to_yaml();
        assert!(!yaml.contains(&text));
        let file = SourceFile::new("keys.yaml", yaml.as_str());
        let read = KeyRing::parse(&file).expect("a keys file");
        assert_eq!(read.to_yaml(), yaml);
        let empty = KeyRing::default().to_yaml();
        assert_eq!(
            KeyRing::parse(&SourceFile::new("keys.yaml", empty.as_str())).expect("no keys").keys(),
            []
        );
    }

    #[test]
    fn every_mistake_of_a_file_is_named() {
        let yaml =
            "- { id: a, prefix: b, hash: c, subject: d, created: yesterday }\n- 3\n- { id: a, groups: x }\n";
        let problems = KeyRing::parse(&SourceFile::new("keys.yaml", yaml)).unwrap_err();
        let codes: Vec<_> = problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes[..2], ["keys.time", "keys.not_a_key"]);
        assert!(codes.len() > 5, "{codes:?}");
    }
}
