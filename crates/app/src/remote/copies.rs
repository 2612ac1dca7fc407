//! The last good copy of each document, in a folder: `HASH` holds its bytes, `HASH.etag` and `HASH.modified` what to ask
//! with again.
//!
//! The time of the file is when its server last said that it is good.
//!
//! Invariant: a copy is replaced as a whole or not at all; a copy without tag or time is only asked for in full.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::RemoteDocument;

const ETAG: &str = "etag";
const MODIFIED: &str = "modified";

/// A document as it was answered.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub(super) bytes: Bytes,
    /// What its server calls this version of it.
    pub(super) version: Version,
    /// How long it may be used without asking, as its server says.
    pub(super) max_age: Option<Duration>,
    /// How long ago its server last said that it is good.
    pub(super) age: Duration,
}

/// By what a server can say whether a document changed (RFC 9110 §8.8), as it wrote it.
#[derive(Clone, Debug, Default)]
pub(super) struct Version {
    /// Its `ETag`.
    pub(super) etag: Option<String>,
    /// Its `Last-Modified`.
    pub(super) modified: Option<String>,
}

impl Copy {
    /// What was kept of a document, if anything was.
    pub(super) fn read(document: &RemoteDocument) -> Option<Self> {
        let path = path(document);
        let bytes = fs::read(&path).ok()?.into();
        let age = Self::age(document)?;
        let read = |extension| fs::read_to_string(path.with_extension(extension)).ok();
        let version = Version { etag: read(ETAG), modified: read(MODIFIED) };
        Some(Self { bytes, version, max_age: None, age })
    }

    /// How long ago its server last said that what was kept is good.
    pub(super) fn age(document: &RemoteDocument) -> Option<Duration> {
        let good = fs::metadata(path(document)).and_then(|file| file.modified()).ok()?;
        // A time to come is a clock that was set back; asking again will mend it.
        Some(good.elapsed().unwrap_or_default())
    }

    /// Notes that the server says that what was kept is still good.
    pub(super) fn confirm(document: &RemoteDocument) -> io::Result<()> {
        fs::File::options().append(true).open(path(document))?.set_modified(SystemTime::now())
    }

    /// Keeps it in the place of what was kept before.
    pub(super) fn keep(&self, document: &RemoteDocument) -> io::Result<()> {
        let path = path(document);
        fs::create_dir_all(&document.copies)?;
        // What it is asked with goes first and comes last, so that it never belongs to other bytes.
        for extension in [ETAG, MODIFIED] {
            match fs::remove_file(path.with_extension(extension)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        replace(&path, &self.bytes)?;
        for (extension, text) in [(ETAG, &self.version.etag), (MODIFIED, &self.version.modified)] {
            if let Some(text) = text {
                replace(&path.with_extension(extension), text.as_bytes())?;
            }
        }
        Ok(())
    }
}

fn path(document: &RemoteDocument) -> PathBuf {
    let hash = blake3::hash(document.url.as_bytes()).to_hex();
    document.copies.join(hash.get(..16).unwrap_or_default())
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = fs::File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)
}
