//! Rule files from the disk.

use anyhow::{Result, anyhow};
use bytes::Bytes;
use portcullis_document::{Problem, SourceError, Sources, Style, render};
use portcullis_filter::seclang::{self, Entry, Rules};

struct Disk;

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

/// The rules of these files, in order.
pub(crate) fn load(files: &[String]) -> Result<Rules> {
    let entries: Vec<Entry> = files.iter().cloned().map(Entry::Path).collect();
    seclang::load(&entries, &Disk).map_err(|problems| explained(&problems))
}

/// Problems as one error.
pub(crate) fn explained(problems: &[Problem]) -> anyhow::Error {
    anyhow!("{}", render(problems, Style::Plain))
}
