//! Other gateways' configurations into a policy, and a report of what became of each part.
//!
//! Invariants: what protects (a denial, a credential) is carried over exactly, or the paths it stood on are refused, and
//! the report says so first; no secret of the source is in a note; what was read is bounded. Does not know how
//! a policy is checked or where it is written.

mod kong;
mod modsecurity;
mod nginx;
mod report;
mod tree;

use portcullis_document::{Problem, Sources};

pub use report::{Note, Outcome};

/// Whose configuration it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// nginx' own language.
    Nginx,
    /// ModSecurity's engine settings and rules (SecLang).
    Modsecurity,
    /// Kong's declarative configuration.
    Kong,
}

impl Dialect {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Modsecurity => "modsecurity",
            Self::Kong => "kong",
        }
    }
}

/// What the source does not say.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where clients connect, where the source does not say.
    pub listen: String,
    /// The server behind it, where the source does not say.
    pub upstream: String,
    /// What stands before relative paths of the source in the policy, so that they lead to the same files: empty, or a
    /// folder.
    pub anchor: String,
}

/// A policy made from a configuration.
#[derive(Clone, Debug)]
pub struct Migration {
    /// The policy, YAML.
    pub policy: String,
    /// What became of each part; what is refused now first, then what was lost, approximated and carried over.
    pub notes: Vec<Note>,
}

/// Reads the files and writes a policy that does the same, as far as it can; or every reason why they cannot be read.
pub fn migrate(
    dialect: Dialect,
    files: &[String],
    options: &Options,
    sources: &dyn Sources,
) -> Result<Migration, Vec<Problem>> {
    let (policy, mut notes) = match dialect {
        Dialect::Nginx => nginx::migrate(files, options, sources)?,
        Dialect::Modsecurity => modsecurity::migrate(files, options, sources)?,
        Dialect::Kong => kong::migrate(files, options, sources)?,
    };
    notes.sort_by_key(|note| note.outcome);
    let heading = format!(
        "Written by `portcullis migrate {}`. Read the report beside it: what is refused here (`todo`)\n\
         is refused because it could not be carried over.",
        dialect.as_str()
    );
    Ok(Migration { policy: policy.render(&heading), notes })
}

/// A path of the source as the policy names it.
fn file_path(options: &Options, base: &str, named: &str) -> String {
    let joined = portcullis_document::join(base, named);
    if joined.starts_with('/') || options.anchor.is_empty() {
        return joined;
    }
    format!("{}/{joined}", options.anchor.trim_end_matches('/'))
}
