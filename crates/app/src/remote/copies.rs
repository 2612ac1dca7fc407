//! The last good copy of each document, in a folder: `HASH` holds its bytes, `HASH.etag` what to ask with again.
//!
//! Invariant: a copy is replaced as a whole or not at all; a copy without its tag is only asked for in full.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::RemoteDocument;

/// A document as it was answered.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub(super) bytes: Bytes,
    /// The server's name for this version of it.
    pub(super) etag: Option<String>,
}

impl Copy {
    /// What was kept of a document, if anything was.
    pub(super) fn read(document: &RemoteDocument) -> Option<Self> {
        let path = path(document);
        let bytes = fs::read(&path).ok()?.into();
        Some(Self { bytes, etag: fs::read_to_string(tag(&path)).ok() })
    }

    /// Keeps it in the place of what was kept before.
    pub(super) fn keep(&self, document: &RemoteDocument) -> io::Result<()> {
        let path = path(document);
        fs::create_dir_all(&document.copies)?;
        // The tag goes first and comes last, so that it never belongs to other bytes.
        match fs::remove_file(tag(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        replace(&path, &self.bytes)?;
        self.etag.as_ref().map_or(Ok(()), |etag| replace(&tag(&path), etag.as_bytes()))
    }
}

fn path(document: &RemoteDocument) -> PathBuf {
    let hash = blake3::hash(document.url.as_bytes()).to_hex();
    document.copies.join(hash.get(..16).unwrap_or_default())
}

fn tag(path: &Path) -> PathBuf {
    path.with_extension("etag")
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = fs::File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)
}
