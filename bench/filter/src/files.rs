//! Rule files from the disk.

use anyhow::{Result, anyhow};
use portcullis_document::{Problem, Style, render};
use portcullis_filter::seclang::{self, Entry, Rules};

use crate::disk::Disk;

/// The rules of these files, in order.
pub(crate) fn load(files: &[String]) -> Result<Rules> {
    let entries: Vec<Entry> = files.iter().cloned().map(Entry::Path).collect();
    seclang::load(&entries, &Disk).map_err(|problems| explained(&problems))
}

/// Problems as one error.
pub(crate) fn explained(problems: &[Problem]) -> anyhow::Error {
    anyhow!("{}", render(problems, Style::Plain))
}
