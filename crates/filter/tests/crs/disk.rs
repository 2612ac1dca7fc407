//! The file system, for rule files in place; shared by everything here that reads the corpora's.
//!
//! Never part of the crate itself, which opens no files.

use bytes::Bytes;
use portcullis_document::{SourceError, Sources};

/// Rule files where they are.
pub(crate) struct Disk;

impl Sources for Disk {
    fn read(&self, path: &str) -> Result<Bytes, SourceError> {
        std::fs::read(path).map(Bytes::from).map_err(|_| SourceError::Missing)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, SourceError> {
        let entries = std::fs::read_dir(folder).map_err(|_| SourceError::Missing)?;
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
    }

    fn env(&self, _: &str) -> Option<String> {
        None
    }
}
