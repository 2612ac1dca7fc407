//! The node's secret: made on the first start, and stood in for where a policy is only looked at.
//!
//! Invariants: an existing secret is never changed; the file is made with mode 0600 from the system's randomness.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use bytes::Bytes;
use portcullis_document::{SourceError, Sources};
use portcullis_policy::{Policy, SecretSource};

use crate::files::FileSources;
use crate::remote::{self, Remote};

/// 256 bits, written in hexadecimal.
const BYTES: usize = 32;

/// The file the policy keeps its secret in, if it keeps it in one.
pub(crate) fn file(policy: &Policy) -> Option<&str> {
    match &policy.secret {
        SecretSource::File(file) => Some(&file.path),
        SecretSource::Env { .. } => None,
    }
}

/// Makes the secret's file if it is not there.
pub(crate) fn make_if_absent(policy: &Policy) -> Result<()> {
    let Some(path) = file(policy).map(Path::new).filter(|path| !path.exists()) else { return Ok(()) };
    let cannot = || format!("cannot make the node's secret {}", path.display());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(cannot)?;
    }
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = match made {
        // Another command made it in the meantime.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
        made => made.with_context(cannot)?,
    };
    file.write_all(random_hex()?.as_bytes()).and_then(|()| file.sync_all()).with_context(cannot)
}

fn random_hex() -> Result<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("the system has no randomness: {error}"))?;
    // The value is random: the hash only writes it in hexadecimal.
    Ok(blake3::Hash::from_bytes(bytes).to_hex().to_string())
}

/// The file system, with a stand-in for a secret that is not there yet: for looking at a policy that never ran.
pub(crate) struct WithStandIn<'a> {
    /// The secret's file.
    pub(crate) secret: Option<&'a str>,
    /// Documents that came by URL.
    pub(crate) remote: &'a Remote,
}

impl Sources for WithStandIn<'_> {
    fn read(&self, path: &str) -> Result<Bytes, SourceError> {
        if remote::is_url(path) {
            return self.remote.read(path);
        }
        match FileSources.read(path) {
            Err(SourceError::Missing) if self.secret == Some(path) => {
                random_hex().map(Bytes::from).map_err(|error| SourceError::Failed(error.to_string()))
            }
            read => read,
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, SourceError> {
        FileSources.list(folder)
    }

    fn env(&self, name: &str) -> Option<String> {
        FileSources.env(name)
    }
}
