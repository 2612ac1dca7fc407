//! The machine: its clock, how many files may be open, how fast the disks are that are written to.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use portcullis_policy::Policy;

use super::Trouble;

/// Files that are this much younger than the clock says it is were not written by this clock.
const AHEAD: Duration = Duration::from_mins(2);
/// Descriptors for anything but connections.
const SPARE: u64 = 256;
/// How many writes are timed, and how long their median may take.
const WRITES: usize = 9;
const SLOW: Duration = Duration::from_millis(50);

/// Whether the clock can be right.
pub(super) fn clock(files: &[String]) -> Option<Trouble> {
    let now = SystemTime::now();
    let is_ahead = |file: &&String| {
        let written = std::fs::metadata(file).and_then(|meta| meta.modified());
        written.is_ok_and(|written| written.duration_since(now).is_ok_and(|ahead| ahead > AHEAD))
    };
    let ahead = files.iter().find(is_ahead)?;
    Some(Trouble::error(
        "clock",
        format!("the clock is behind the time at which `{ahead}` was written"),
        "have the clock kept by NTP (`timedatectl set-ntp true`): tokens, bans and quotas go by it",
    ))
}

/// Whether enough files may be open for the connections the policy allows.
pub(super) fn file_limit(policy: &Policy) -> Option<Trouble> {
    let allowed = parse_limit(&std::fs::read_to_string("/proc/self/limits").ok()?)?;
    // One towards the client and one towards the site.
    let needed = u64::from(policy.connections.max.get()) * 2 + SPARE;
    let remedy = format!(
        "start it with `LimitNOFILE={needed}` (systemd) or after `ulimit -n {needed}`, or lower `connections.max`"
    );
    let what = format!(
        "{allowed} files may be open here, and `connections.max: {}` takes up to {needed}",
        policy.connections.max
    );
    (allowed < needed).then(|| Trouble::warning("file_limit", what, remedy))
}

fn parse_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        soft => soft.parse().ok(),
    }
}

/// Whether the folders that are written to can be, and how fast.
pub(super) fn disks(policy: &Policy) -> Vec<Trouble> {
    let archive = policy.archive.iter().map(|archive| &archive.sqlite.path.path);
    let inventory = policy.inventory.iter().map(|inventory| &inventory.path.path);
    let folders: BTreeSet<PathBuf> =
        archive.chain(inventory).map(|path| folder_of(Path::new(&**path))).collect();
    folders.iter().filter_map(|folder| disk(folder)).collect()
}

/// The folder of a file, or the nearest one above that exists; the file's own is made by the first start.
fn folder_of(file: &Path) -> PathBuf {
    let above = file.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    if above.as_os_str().is_empty() { PathBuf::from(".") } else { above.to_owned() }
}

fn disk(folder: &Path) -> Option<Trouble> {
    let shown = folder.display();
    match median_write(folder) {
        Err(error) => Some(Trouble::error(
            "disk",
            format!("nothing can be written to `{shown}`: {error}"),
            "give the folder to the user the gateway runs as, and look whether the disk is full or read-only",
        )),
        Ok(taken) if taken > SLOW => Some(Trouble::warning(
            "disk",
            format!("a small write to `{shown}` takes {} ms until it is on the disk", taken.as_millis()),
            "put the archive on a local disk: where it falls behind, events of passes are dropped and counted",
        )),
        Ok(_) => None,
    }
}

/// How long a small write takes until it is on the disk.
fn median_write(folder: &Path) -> std::io::Result<Duration> {
    let path = folder.join(format!(".portcullis-doctor-{}", std::process::id()));
    let timed = time_writes(&path);
    // It may never have been made.
    let _ = std::fs::remove_file(&path);
    let mut taken = timed?;
    taken.sort();
    Ok(taken.get(WRITES / 2).copied().unwrap_or_default())
}

fn time_writes(path: &Path) -> std::io::Result<Vec<Duration>> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    let write = |_| {
        let begun = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        Ok(begun.elapsed())
    };
    (0..WRITES).map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max processes             9                    9                    processes \n\
                      Max open files            1024                 524288               files     \n";
        assert_eq!(parse_limit(limits), Some(1024));
        assert_eq!(parse_limit("Max open files unlimited unlimited files"), Some(u64::MAX));
        assert_eq!(parse_limit("Max processes 9"), None);
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_looked_for_above() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(folder_of(&folder.path().join("data/archive/events.db")), folder.path());
        assert!(disk(folder.path()).is_none_or(|trouble| trouble.weight == super::super::Weight::Warning));
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 0, "nothing is left behind");
    }
}
