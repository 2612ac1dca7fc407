//! Bans over a restart: a JSON file beside the archive, written whole or not at all.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use portcullis_policy::Policy;
use portcullis_store::BanBook;
use tracing::warn;

use super::now;
use crate::secret;

/// The file bans are kept in.
pub(super) struct BanFile {
    path: PathBuf,
    /// The book's revision that was written down last.
    kept: parking_lot::Mutex<Kept>,
}

/// What is known of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// It holds the book as it was at this revision.
    At(u64),
    /// Another process writes it.
    Lent,
}

impl BanFile {
    /// Beside what else this node keeps.
    pub(super) fn of(policy: &Policy) -> Self {
        Self { path: beside_state(policy, "bans.json"), kept: parking_lot::Mutex::new(Kept::At(0)) }
    }

    /// Puts back what an earlier run kept; a file that cannot be read is told and left.
    pub(super) fn restore(&self, book: &BanBook) {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => {
                warn!(%error, file = %self.path.display(), "bans of an earlier run cannot be read");
                return;
            }
        };
        if let Err(error) = book.restore(&text, now()) {
            warn!(%error, file = %self.path.display(), "bans of an earlier run cannot be read");
        }
    }

    /// Writes the bans down for the last time, as long as another process writes them.
    pub(super) fn lend(&self, book: &BanBook) {
        self.keep(book);
        *self.kept.lock() = Kept::Lent;
    }

    /// Writes them from now on again.
    pub(super) fn reclaim(&self) {
        *self.kept.lock() = Kept::At(0);
    }

    /// Writes the bans in force down if they changed since they were written last.
    pub(super) fn keep(&self, book: &BanBook) {
        let revision = book.revision();
        let mut kept = self.kept.lock();
        if matches!(*kept, Kept::Lent) || *kept == Kept::At(revision) {
            return;
        }
        match write_whole(&self.path, &book.snapshot(now())) {
            Ok(()) => *kept = Kept::At(revision),
            Err(error) => warn!(%error, file = %self.path.display(), "bans cannot be written down"),
        }
    }
}

/// A file beside the archive or the control socket, where this node's own state is; else beside the secret.
pub(crate) fn beside_state(policy: &Policy, name: &str) -> PathBuf {
    let archive = policy.archive.as_ref().map(|archive| &*archive.sqlite.path.path);
    let socket = policy.control.as_ref().map(|control| &*control.socket.path);
    let beside = archive.or(socket).or(secret::file(policy)).unwrap_or("data/bans");
    Path::new(beside).with_file_name(name)
}

/// Written aside and moved into place, so that a crash leaves the old file or the new one.
pub(crate) fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let aside = path.with_extension("json.new");
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_data()?;
    std::fs::rename(aside, path)
}
