//! Where documents' bytes come from: an argument, so that the pure ring opens no file.
//!
//! Paths are relative to the document that names them; [`join`] makes the path a source is asked for.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Files, folders and the environment, as the host provides them.
pub trait Sources {
    /// A file's bytes.
    fn read(&self, path: &str) -> Result<Bytes, SourceError>;
    /// The names (not paths) of the files in a folder.
    fn list(&self, folder: &str) -> Result<Vec<String>, SourceError>;
    /// An environment variable.
    fn env(&self, name: &str) -> Option<String>;
}

/// Why a file or folder could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// There is none of that name.
    #[error("there is no such file")]
    Missing,
    /// It is a folder where a file was asked for.
    #[error("it is a folder, not a file")]
    IsFolder,
    /// It is a file where a folder was asked for.
    #[error("it is a file, not a folder")]
    NotAFolder,
    /// This process may not read it.
    #[error("permission denied")]
    Denied,
    /// It is larger than the host reads.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// What the host reads.
        limit: u64,
    },
    /// Anything else, in the system's words.
    #[error("{0}")]
    Failed(String),
}

/// The path of `named`, as written in the document at `base`: relative to the folder of that document, without
/// `.` and inner `..`. An absolute path stays itself, and so does the server of a base that is a URL.
pub fn join(base: &str, named: &str) -> String {
    let path = base.find("://").map(|at| at + 3).and_then(|at| Some(at + base.get(at..)?.find('/')?));
    if let Some((server, path)) = path.and_then(|at| base.split_at_checked(at)) {
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        return format!("{server}{}", join(path, named));
    }
    let folder = base.rfind('/').map_or("", |at| base.get(..=at).unwrap_or_default());
    let whole = if named.starts_with('/') { named.to_owned() } else { format!("{folder}{named}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if whole.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    let root = if whole.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

/// Files and environment held in memory: for tests, replay and examples.
#[derive(Clone, Debug, Default)]
pub struct MemorySources {
    files: BTreeMap<String, Bytes>,
    env: BTreeMap<String, String>,
}

impl MemorySources {
    /// Nothing at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more file.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        self.files.insert(path.into(), bytes.into());
        self
    }

    /// With one more environment variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }
}

impl Sources for MemorySources {
    fn read(&self, path: &str) -> Result<Bytes, SourceError> {
        if let Some(bytes) = self.files.get(path) {
            return Ok(bytes.clone());
        }
        Err(if self.list(path).is_ok() { SourceError::IsFolder } else { SourceError::Missing })
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, SourceError> {
        if self.files.contains_key(folder) {
            return Err(SourceError::NotAFolder);
        }
        let prefix = format!("{}/", folder.trim_end_matches('/'));
        let under = self.files.keys().filter_map(|path| path.strip_prefix(prefix.as_str()));
        let names: Vec<String> = under.filter(|name| !name.contains('/')).map(str::to_owned).collect();
        if names.is_empty() { Err(SourceError::Missing) } else { Ok(names) }
    }

    fn env(&self, name: &str) -> Option<String> {
        self.env.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_document_that_names_them() {
        for (base, named, path) in [
            ("portcullis.yaml", "lists/tor.txt", "lists/tor.txt"),
            ("/etc/portcullis/policy.yaml", "keys.yaml", "/etc/portcullis/keys.yaml"),
            ("/etc/portcullis/policy.yaml", "../shared/./a.yaml", "/etc/shared/a.yaml"),
            ("conf/a.yaml", "../../x", "../x"),
            ("conf/a.yaml", "/srv/x", "/srv/x"),
            ("/a.yaml", "../../x", "/x"),
            ("https://specs.test/v1/a.yaml?at=x/y", "../b/c.yaml", "https://specs.test/b/c.yaml"),
            ("https://specs.test/v1/a.yaml", "/etc/x", "https://specs.test/etc/x"),
        ] {
            assert_eq!(join(base, named), path, "{named} in {base}");
        }
    }

    #[test]
    fn memory_sources_tell_files_from_folders() {
        let sources = MemorySources::new().file("conf/a.yaml", "a: 1").file("conf/deep/b.yaml", "b: 1");
        assert_eq!(sources.list("conf"), Ok(vec!["a.yaml".to_owned()]));
        assert_eq!(sources.list("conf/a.yaml"), Err(SourceError::NotAFolder));
        assert_eq!(sources.read("conf"), Err(SourceError::IsFolder));
        assert_eq!(sources.read("none"), Err(SourceError::Missing));
    }
}
