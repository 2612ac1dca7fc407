//! Where an archive file lies: made for its owner only, noticed when it goes, set aside when damaged.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use portcullis_model::Timestamp;

/// Which file a name stood for when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

/// Which file the name stands for now; `None` if there is none.
pub(super) fn identify(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().map(|file| Identity { device: file.dev(), inode: file.ino() })
}

/// Makes the file and its folder if absent, readable for the owner only.
pub(crate) fn make(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o750).create(folder)?;
    }
    fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}

/// Gives a damaged file another name, with its journal; the new name.
pub(crate) fn set_aside(path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let stamp: String = now.to_string().chars().take(19).filter(|letter| *letter != ':').collect();
    let name = |copy: u32| {
        let copy = if copy == 0 { String::new() } else { format!(".{copy}") };
        beside(path, &format!(".corrupt-{stamp}{copy}"))
    };
    let aside = (0..1000).map(name).find(|name| !name.exists()).unwrap_or_else(|| name(0));
    fs::rename(path, &aside)?;
    for journal in ["-wal", "-shm"] {
        let _ = fs::rename(beside(path, journal), beside(&aside, journal));
    }
    Ok(aside)
}

/// The path with something appended to its last name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
