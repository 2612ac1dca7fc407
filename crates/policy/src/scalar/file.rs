//! Files a policy names, and secrets that stand elsewhere.
//!
//! Invariant: the policy holds where a secret is, never the secret; its `Debug` shows the place.

use portcullis_document::{Node, Place, Problem, Sources, join};
use portcullis_model::Secret;
use smol_str::SmolStr;

use crate::decode::{Decode, Reading};
use crate::table::{Json, Kind, Scalar};

/// A file the policy names.
#[derive(Clone, Debug)]
pub struct FileRef {
    /// Its path, relative to where the policy's own path is relative to.
    pub path: SmolStr,
    /// Where it is named.
    pub place: Place,
}

impl Decode for FileRef {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "file",
        about: "a file's path, relative to the file that names it",
        json: Json::Text,
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "a file's path")?;
        let named = text.strip_prefix("file:").unwrap_or(&text);
        if is_url(named) {
            let problem =
                Problem::error("policy.not_a_file", "this must be a file, not a URL").at(&node.place);
            return reading
                .refuse(problem.remedy("save it to a file and name that; files are watched and reloaded"));
        }
        if named.is_empty() {
            return reading.wrong_kind(node, "a file's path", "");
        }
        let path = join(node.place.file().name(), named);
        reading.files.insert(path.clone());
        Some(Self { path: path.into(), place: node.place.clone() })
    }
}

/// A document that may come over the network: a file, for contracts also a folder of them, or a URL.
#[derive(Clone, Debug)]
pub struct DocumentRef {
    /// The URL as written, or the path, relative to where the policy's own path is relative to.
    pub path: SmolStr,
    /// Where it is named.
    pub place: Place,
}

impl DocumentRef {
    /// Whether it comes over the network.
    pub fn is_remote(&self) -> bool {
        is_url(&self.path)
    }

    /// It without what may be secret of a URL: credentials and query.
    pub fn shown(&self) -> String {
        if !self.is_remote() {
            return self.path.to_string();
        }
        let url = self.path.split(['?', '#']).next().unwrap_or_default();
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let server = authority.rsplit_once('@').map_or(authority, |(_, server)| server);
        format!("{scheme}://{server}{path}")
    }

    /// Whether something of it may be secret.
    pub fn has_secret(&self) -> bool {
        self.shown() != self.path
    }

    /// Warns of a URL whose answer anybody on the way can change.
    pub(crate) fn warn_if_clear(&self, reading: &mut Reading) {
        let Self { path, place } = self;
        if path.starts_with("http://") && !is_local(path) {
            let message = format!("`{}` is fetched in clear: anybody on the way can change it", self.shown());
            let problem = Problem::warning("policy.clear_document", message).at(place);
            let problem = if self.has_secret() { problem.concealed() } else { problem };
            reading.problems.push(problem.remedy("write `https://`"));
        }
    }
}

impl Decode for DocumentRef {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "document",
        about: "a file's or folder's path, relative to the file that names it, or a URL (`https://…`)",
        json: Json::Text,
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        if node.as_str().is_some_and(is_url) {
            let document = Self { path: node.as_str()?.into(), place: node.place.clone() };
            document.warn_if_clear(reading);
            return Some(document);
        }
        FileRef::decode(node, None, reading).map(|FileRef { path, place }| Self { path, place })
    }
}

/// Whether a text is a URL that can be fetched.
pub(crate) fn is_url(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

/// Whether a URL leads to this machine.
fn is_local(url: &str) -> bool {
    let host = url.trim_start_matches("http://");
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|local| host.starts_with(local))
}

/// Where a secret is.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// In an environment variable: `env:NAME`.
    Env {
        /// The variable.
        name: SmolStr,
        /// Where it is named.
        place: Place,
    },
    /// In a file: `file:PATH`.
    File(FileRef),
}

impl SecretSource {
    /// Where it is named.
    pub fn place(&self) -> &Place {
        match self {
            Self::Env { place, .. } => place,
            Self::File(file) => &file.place,
        }
    }

    /// Reads it; one line end at the end of a file is not part of it.
    pub fn read(&self, sources: &dyn Sources) -> Result<Secret<Vec<u8>>, Problem> {
        let refuse = |message: String| Err(Problem::error("policy.no_secret", message).at(self.place()));
        let value = match self {
            Self::Env { name, .. } => match sources.env(name) {
                Some(value) => value.into_bytes(),
                None => return refuse(format!("the environment has no variable `{name}`")),
            },
            Self::File(file) => match sources.read(&file.path) {
                Ok(bytes) => bytes.strip_suffix(b"\n").unwrap_or(&bytes).to_vec(),
                Err(error) => return refuse(format!("cannot read `{}`: {error}", file.path)),
            },
        };
        if value.is_empty() { refuse("the secret is empty".to_owned()) } else { Ok(Secret::new(value)) }
    }
}

impl Decode for SecretSource {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "secret",
        about: "where a secret is: `env:NAME` or `file:PATH`",
        json: Json::Pattern(r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "`env:NAME` or `file:PATH`")?;
        if let Some(name) = text.strip_prefix("env:") {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if !name.is_empty() && name.chars().all(fits) {
                return Some(Self::Env { name: name.into(), place: node.place.clone() });
            }
            return reading.wrong_kind(node, "`env:` and the name of an environment variable", "");
        }
        if text.starts_with("file:") {
            return FileRef::decode(node, None, reading).map(Self::File);
        }
        let problem =
            Problem::error("policy.secret_in_the_open", "a secret does not stand in the policy itself");
        let problem = problem.at(&node.place).concealed();
        let remedy = "put it into a file (mode 0600) and write `file:PATH`, or into the environment and write `env:NAME`";
        reading.refuse(problem.remedy(remedy))
    }
}
