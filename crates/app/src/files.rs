//! The file system and the environment as `Sources`: the only place that reads a policy's files. A URL in the place of a
//! file is fetched.
//!
//! Invariant: no file over [`LARGEST`] is read into memory.

use std::io::Read;

use bytes::Bytes;
use portcullis_document::{SourceError, Sources};

use crate::remote;

/// No policy file, contract, list or key file may be larger (bytes).
const LARGEST: u64 = 256 * 1024 * 1024;

/// Files below the current folder (or absolute), and this process's environment.
#[derive(Debug, Default)]
pub(crate) struct FileSources;

impl Sources for FileSources {
    fn read(&self, path: &str) -> Result<Bytes, SourceError> {
        if remote::is_url(path) {
            return remote::read_once(path);
        }
        let file = std::fs::File::open(path).map_err(|error| failed(&error))?;
        let mut bytes = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
        if bytes.len() as u64 > LARGEST {
            return Err(SourceError::TooLarge { limit: LARGEST });
        }
        Ok(bytes.into())
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, SourceError> {
        let entries = std::fs::read_dir(folder).map_err(|error| failed(&error))?;
        let mut names: Vec<String> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        Ok(names)
    }

    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

fn failed(error: &std::io::Error) -> SourceError {
    match error.kind() {
        std::io::ErrorKind::NotFound => SourceError::Missing,
        std::io::ErrorKind::IsADirectory => SourceError::IsFolder,
        std::io::ErrorKind::NotADirectory => SourceError::NotAFolder,
        std::io::ErrorKind::PermissionDenied => SourceError::Denied,
        _ => SourceError::Failed(error.to_string()),
    }
}
