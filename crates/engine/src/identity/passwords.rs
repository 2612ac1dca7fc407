//! Names and passwords: the htpasswd file that lists them, the check that is expensive on purpose.
//!
//! A line is `NAME:HASH`, the hash bcrypt (`$2y$`, `$2b$`, `$2a$`) or Argon2 (`$argon2id$`, `$argon2i$`). Invariants: a
//! check costs the same whether the name is known or not; what a file may ask of the machine is bounded; nothing of a
//! password prints. It does not know who runs the check: the host does, away from its event loops.

use std::str::FromStr as _;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordVerifier as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hashbrown::HashMap;
use portcullis_document::{Place, Problem, SourceFile};
use portcullis_model::Secret;
use smol_str::SmolStr;

use crate::node_key::NodeKeys;

/// Bytes name and password may have together, still in base64; what is longer is not hashed.
const LONGEST: usize = 1024;

/// The highest cost of bcrypt that is taken: some two seconds.
const MOST_COST: u32 = 15;

/// The most memory a hash of Argon2 may ask for, in KiB.
const MOST_MEMORY: u32 = 256 * 1024;

/// The most passes of Argon2, and the most lanes.
const MOST_PASSES: u32 = 16;

/// What is kept of a password.
#[derive(Debug)]
enum Stored {
    Bcrypt(Secret<String>),
    Argon2(Box<Secret<PasswordHash>>),
}

/// The names of one file, and what is kept of their passwords.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    by_name: HashMap<SmolStr, Arc<Stored>, foldhash::fast::RandomState>,
    /// The same in the file's order: one stands in for each name that is not known.
    all: Vec<Arc<Stored>>,
}

/// A name and a password as shown.
pub(crate) struct Shown {
    pub(crate) name: SmolStr,
    password: Secret<String>,
}

/// A password to be held against what is kept of one.
#[derive(Debug)]
pub struct PasswordCheck {
    stored: Arc<Stored>,
    password: Secret<String>,
    known: bool,
}

impl PasswordCheck {
    /// Whether it is the password of a name that is known. Takes as long as the file's author wanted, and as much memory:
    /// nothing for a thread that has others waiting.
    pub fn run(&self) -> bool {
        let password = self.password.reveal().as_bytes();
        let fits = match &*self.stored {
            Stored::Bcrypt(hash) => bcrypt::verify(password, hash.reveal()).unwrap_or(false),
            Stored::Argon2(hash) => Argon2::default().verify_password(password, hash.reveal()).is_ok(),
        };
        // Both are known by now; the one that is asked first must not tell which was missing.
        fits & self.known
    }
}

impl Shown {
    /// Reads what follows `Basic` (RFC 7617 §2); none where that is not a name and a password in UTF-8.
    pub(crate) fn parse(credentials: &str) -> Option<Self> {
        if credentials.len() > LONGEST {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
        let (name, password) = text.split_once(':')?;
        let plain = !name.is_empty() && !text.chars().any(char::is_control);
        plain.then(|| Self { name: name.into(), password: Secret::new(password.to_owned()) })
    }

    /// A keyed hash by which the same password is told to be the same.
    pub(super) fn password_hash(&self, node: &NodeKeys) -> u64 {
        node.pseudonym(self.password.reveal().as_bytes())
    }
}

impl Accounts {
    /// Reads a file; every mistake is a problem with its place.
    pub(crate) fn parse(file: &Arc<SourceFile>) -> Result<Self, Vec<Problem>> {
        let (mut accounts, mut problems) = (Self::default(), Vec::new());
        let shown = without_hashes(file);
        let mut offset = 0;
        for (line, shown_line) in file.text().lines().zip(shown.text().lines()) {
            let place = Place::new(&shown, offset..offset + shown_line.len());
            offset += shown_line.len() + 1;
            let text = line.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            if let Err(problem) = accounts.add(text) {
                problems.push(problem.at(&place));
            }
        }
        if problems.is_empty() { Ok(accounts) } else { Err(problems) }
    }

    fn add(&mut self, line: &str) -> Result<(), Problem> {
        let Some((name, hash)) = line.split_once(':').filter(|(name, _)| !name.is_empty()) else {
            return Err(Problem::error("users.line", "a line is a name, a colon and a hash"));
        };
        // What else htpasswd may have written there (a comment) counts for nothing.
        let stored = Arc::new(Stored::parse(hash.split(':').next().unwrap_or_default())?);
        if self.by_name.insert(name.into(), Arc::clone(&stored)).is_some() {
            return Err(Problem::error("users.twice", format!("`{name}` is listed twice")));
        }
        self.all.push(stored);
        Ok(())
    }

    /// Whether somebody of that name is listed.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The check of what was shown; none where nobody is known at all. For a name that is not known the hash of another
    /// is computed, always of the same one, so that neither one answer nor the spread of many tells.
    pub(crate) fn check(&self, node: &NodeKeys, shown: Shown) -> Option<PasswordCheck> {
        let other = node.pseudonym(shown.name.as_bytes()) % (self.all.len() as u64).max(1);
        let other = self.all.get(other as usize)?;
        let known = self.by_name.get(&shown.name);
        let stored = Arc::clone(known.unwrap_or(other));
        Some(PasswordCheck { stored, password: shown.password, known: known.is_some() })
    }
}

/// The file as mistakes in it may be shown: a hash on a screen is a hash somebody can try passwords against.
fn without_hashes(file: &SourceFile) -> Arc<SourceFile> {
    let hidden = |line: &str| match line.split_once(':') {
        Some((name, _)) => format!("{name}:…\n"),
        None => "…\n".to_owned(),
    };
    SourceFile::new(file.name(), file.text().lines().map(hidden).collect::<String>())
}

impl Stored {
    fn parse(hash: &str) -> Result<Self, Problem> {
        if ["$2y$", "$2b$", "$2a$"].iter().any(|mark| hash.starts_with(mark)) {
            return Self::bcrypt(hash);
        }
        if hash.starts_with("$argon2") {
            return Self::argon2(hash);
        }
        let problem = Problem::error("users.weak_hash", "the password is not kept as bcrypt or Argon2");
        Err(problem.remedy("write the line with `htpasswd -B`, or give a hash that begins with `$argon2id$`"))
    }

    fn bcrypt(hash: &str) -> Result<Self, Problem> {
        let parts = bcrypt::HashParts::from_str(hash)
            .map_err(|_| Problem::error("users.hash", "this is not a whole bcrypt hash"))?;
        if parts.get_cost() > MOST_COST {
            let message =
                format!("a cost of {} is more than the {MOST_COST} that are taken", parts.get_cost());
            return Err(Problem::error("users.costly_hash", message));
        }
        Ok(Self::Bcrypt(Secret::new(hash.to_owned())))
    }

    fn argon2(hash: &str) -> Result<Self, Problem> {
        let broken = || Problem::error("users.hash", "this is not a whole Argon2 hash");
        let parsed = PasswordHash::new(hash).map_err(|_| broken())?;
        let params = Params::try_from(&parsed).map_err(|_| broken())?;
        match Algorithm::try_from(parsed.algorithm.as_str()) {
            Ok(Algorithm::Argon2id | Algorithm::Argon2i)
                if parsed.hash.is_some() && parsed.salt.is_some() => {}
            Ok(Algorithm::Argon2d) => {
                let problem = Problem::error("users.weak_hash", "Argon2d is not made for passwords");
                return Err(problem.remedy("use Argon2id"));
            }
            _ => return Err(broken()),
        }
        if params.m_cost() > MOST_MEMORY || params.t_cost() > MOST_PASSES || params.p_cost() > MOST_PASSES {
            let message = format!(
                "this hash asks for more than {MOST_MEMORY} KiB, {MOST_PASSES} passes or {MOST_PASSES} lanes"
            );
            return Err(Problem::error("users.costly_hash", message));
        }
        Ok(Self::Argon2(Box::new(Secret::new(parsed))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BCRYPT: &str = "$2y$04$abcdefghijklmnopqrstuuQdSiYuoD8YLzAfeKHmMVmT7O8vKqYnm";

    fn parse(text: &str) -> Result<Accounts, Vec<&'static str>> {
        let file = SourceFile::new("users.htpasswd", text);
        Accounts::parse(&file).map_err(|problems| problems.iter().map(|problem| problem.code).collect())
    }

    fn check(accounts: &Accounts, name: &str, password: &str) -> bool {
        let shown = Shown::parse(&STANDARD.encode(format!("{name}:{password}"))).expect("name and password");
        accounts.check(&NodeKeys::derive(b"s"), shown).is_some_and(|check| check.run())
    }

    #[test]
    fn the_password_of_a_name_proves_it_and_no_other_does() {
        let bcrypt = bcrypt::hash_with_salt("open sesame", 4, [7; 16]).expect("a hash").to_string();
        let params = Params::new(64, 1, 1, None).expect("small");
        let hasher = Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, params);
        let argon2 = argon2::PasswordHasher::<PasswordHash>::hash_password_with_salt(
            &hasher,
            "pässwörd".as_bytes(),
            b"0123456789abcdef",
        );
        let argon2 = argon2.expect("a hash");
        let accounts = parse(&format!("# staff\nanna:{bcrypt}\n\nbert:{argon2}\n")).expect("a file");
        assert!(check(&accounts, "anna", "open sesame"));
        assert!(check(&accounts, "bert", "pässwörd"));
        for (name, password) in
            [("anna", "pässwörd"), ("bert", "open sesame"), ("anna", ""), ("carl", "open sesame")]
        {
            assert!(!check(&accounts, name, password), "{name} {password}");
        }
        // Whatever stands in for a name that is not known, its password opens nothing.
        for name in 0..20 {
            assert!(!check(&accounts, &format!("n{name}"), "open sesame"));
            assert!(!check(&accounts, &format!("n{name}"), "pässwörd"));
        }
    }

    #[test]
    fn every_mistake_of_a_file_is_named() {
        let costly = BCRYPT.replacen("$04$", "$16$", 1);
        for (line, code) in [
            ("anna".to_owned(), "users.line"),
            (":x".to_owned(), "users.line"),
            ("anna:secret".to_owned(), "users.weak_hash"),
            ("anna:$apr1$abc$def".to_owned(), "users.weak_hash"),
            ("anna:{SHA}abc".to_owned(), "users.weak_hash"),
            ("anna:$2y$04$short".to_owned(), "users.hash"),
            (format!("anna:{costly}"), "users.costly_hash"),
            ("anna:$argon2id$v=19$m=64,t=1,p=1".to_owned(), "users.hash"),
            (
                "anna:$argon2d$v=19$m=64,t=1,p=1$MDEyMzQ1Njc$MDEyMzQ1Njc4OWFiY2RlZg".to_owned(),
                "users.weak_hash",
            ),
            (
                "anna:$argon2id$v=19$m=999999,t=1,p=1$MDEyMzQ1Njc$MDEyMzQ1Njc4OWFiY2RlZg".to_owned(),
                "users.costly_hash",
            ),
            (format!("anna:{BCRYPT}\nanna:{BCRYPT}"), "users.twice"),
        ] {
            assert_eq!(parse(&line).expect_err("a mistake"), [code], "{line}");
        }
    }

    #[test]
    fn what_is_no_name_and_password_is_not_hashed() {
        for text in ["", "%%%", "YW5uYQ==", "OnNlY3JldA==", &STANDARD.encode("anna:a\nb"), &"A".repeat(2000)]
        {
            assert!(Shown::parse(text).is_none(), "{text}");
        }
        assert!(
            parse("")
                .expect("nobody")
                .check(&NodeKeys::derive(b"s"), Shown::parse("YTpi").expect("a:b"))
                .is_none()
        );
    }
}
