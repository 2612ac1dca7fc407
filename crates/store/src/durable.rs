//! Kept over restarts: for each name a snapshot, and a journal of what was added to it since, in one `SQLite` file.
//!
//! Invariants: an entry is kept once [`Ledger::append`] returned; a snapshot takes the place of the journal it contains
//! in one transaction, so that a crash leaves either and never half of both; a damaged file is set aside, not deleted.
//! What the bytes mean is the business of who wrote them.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior, params};

/// `PINV`: says whose file it is.
const APPLICATION: i64 = 0x5049_4e56;
/// The version of the tables.
const VERSION: i64 = 1;
/// How long a lock that another process holds is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

const TABLES: &str = "
create table if not exists snapshots (name text primary key, bytes blob not null) strict, without rowid;
create table if not exists journal (seq integer primary key, name text not null, bytes blob not null) strict;
";

/// A file of snapshots and journals, open for writing.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
}

/// What is kept under a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Everything up to some moment.
    pub snapshot: Option<Vec<u8>>,
    /// What was added after it, oldest first.
    pub journal: Vec<Vec<u8>>,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file is a database of something else, or of a newer version.
    #[error("{0}")]
    Foreign(String),
    /// The file is damaged.
    #[error("the file is damaged: {0}")]
    Damaged(rusqlite::Error),
    /// Anything else that `SQLite` says.
    #[error(transparent)]
    Sqlite(rusqlite::Error),
    /// The file or its folder cannot be made.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error),
            _ => Self::Sqlite(error),
        }
    }
}

impl Ledger {
    /// Opens the file, or makes it, readable for its owner only.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(0o750).create(folder)?;
        }
        fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let connection = Connection::open(path)?;
        connection.busy_timeout(PATIENCE)?;
        connection.execute_batch("pragma journal_mode = wal; pragma synchronous = full")?;
        let is_new: bool =
            connection.query_row("select not exists (select 1 from sqlite_schema)", [], |row| row.get(0))?;
        if is_new {
            connection.execute_batch(&format!(
                "begin immediate; pragma application_id = {APPLICATION}; pragma user_version = {VERSION}; {TABLES} commit;"
            ))?;
        }
        check(&connection)?;
        Ok(Self { connection })
    }

    /// Opens a file that another process may be writing, to read it; `None` if there is none.
    pub fn look(path: &Path) -> Result<Option<Self>, LedgerError> {
        if !path.exists() {
            return Ok(None);
        }
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(PATIENCE)?;
        check(&connection)?;
        Ok(Some(Self { connection }))
    }

    /// Opens the file; one that is damaged is renamed, and a new one begun: its new name is answered too.
    pub fn open_or_set_aside(path: &Path, stamp: &str) -> Result<(Self, Option<PathBuf>), LedgerError> {
        match Self::open(path) {
            Err(LedgerError::Damaged(_)) => {
                let aside = set_aside(path, stamp)?;
                Ok((Self::open(path)?, Some(aside)))
            }
            opened => Ok((opened?, None)),
        }
    }

    /// The names something is kept under, sorted.
    pub fn names(&self) -> Result<Vec<String>, LedgerError> {
        let mut asked = self
            .connection
            .prepare("select name from snapshots union select name from journal order by 1")?;
        let names = asked.query_map([], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// What is kept under a name.
    pub fn load(&self, name: &str) -> Result<Kept, LedgerError> {
        // One transaction: a snapshot and a journal of two moments would count what lies between them twice.
        let reading = self.connection.unchecked_transaction()?;
        let snapshot = reading
            .query_row("select bytes from snapshots where name = ?1", [name], |row| row.get(0))
            .optional()?;
        let mut asked = reading.prepare("select bytes from journal where name = ?1 order by seq")?;
        let journal = asked.query_map([name], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(Kept { snapshot, journal })
    }

    /// Adds entries to the journals of their names, all of them or none.
    pub fn append<'a>(
        &mut self,
        entries: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<(), LedgerError> {
        let writing = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut add = writing.prepare_cached("insert into journal (name, bytes) values (?1, ?2)")?;
            for (name, bytes) in entries {
                add.execute(params![name, bytes])?;
            }
        }
        Ok(writing.commit()?)
    }

    /// Keeps a snapshot that contains everything under its name, whose journal ends with that.
    pub fn replace(&mut self, name: &str, snapshot: &[u8]) -> Result<(), LedgerError> {
        let writing = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        writing.execute(
            "insert into snapshots (name, bytes) values (?1, ?2) on conflict do update set bytes = excluded.bytes",
            params![name, snapshot],
        )?;
        writing.execute("delete from journal where name = ?1", [name])?;
        Ok(writing.commit()?)
    }
}

fn check(connection: &Connection) -> Result<(), LedgerError> {
    let application: i64 = connection.query_row("pragma application_id", [], |row| row.get(0))?;
    let version: i64 = connection.query_row("pragma user_version", [], |row| row.get(0))?;
    match (application, version) {
        (APPLICATION, VERSION) => Ok(()),
        (APPLICATION, other) => {
            Err(LedgerError::Foreign(format!("the file is of version {other}, this reads {VERSION}")))
        }
        _ => {
            Err(LedgerError::Foreign("the file is a database, but not an inventory of Portcullis".to_owned()))
        }
    }
}

/// Renames a file with what `SQLite` keeps beside it.
fn set_aside(path: &Path, stamp: &str) -> std::io::Result<PathBuf> {
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let aside = beside(&format!(".corrupt-{stamp}"));
    fs::rename(path, &aside)?;
    for extra in ["-wal", "-shm"] {
        // Absent where the file was never written to.
        let _ = fs::rename(beside(extra), beside(&format!(".corrupt-{stamp}{extra}")));
    }
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_lasts_until_its_snapshot() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/inventory.db");
        let mut ledger = Ledger::open(&path).unwrap();
        ledger.append([("shop", &b"one"[..]), ("shop", b"two"), ("blog", b"three")]).unwrap();
        drop(ledger);

        let mut ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.names().unwrap(), ["blog", "shop"]);
        assert_eq!(ledger.load("shop").unwrap().journal, [b"one", b"two"]);
        ledger.replace("shop", b"one and two").unwrap();
        ledger.append([("shop", &b"four"[..])]).unwrap();

        let reader = Ledger::look(&path).unwrap().unwrap();
        let kept = Kept { snapshot: Some(b"one and two".to_vec()), journal: vec![b"four".to_vec()] };
        assert_eq!(reader.load("shop").unwrap(), kept);
        assert_eq!(reader.load("blog").unwrap().journal, [b"three"]);
    }

    #[test]
    fn a_file_of_something_else_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.db");
        Connection::open(&path).unwrap().execute_batch("create table other (one)").unwrap();
        assert!(matches!(Ledger::open_or_set_aside(&path, "now"), Err(LedgerError::Foreign(_))));
        assert!(path.exists());
    }

    #[test]
    fn a_damaged_file_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inventory.db");
        fs::write(&path, b"this is no database at all, and long enough to be looked at as one").unwrap();
        let (mut ledger, aside) = Ledger::open_or_set_aside(&path, "2026").unwrap();
        assert_eq!(aside.unwrap(), folder.path().join("inventory.db.corrupt-2026"));
        ledger.append([("shop", &b"one"[..])]).unwrap();
        assert_eq!(ledger.load("shop").unwrap().journal, [b"one"]);
    }

    #[test]
    fn no_file_is_nothing_to_look_at() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Ledger::look(&folder.path().join("absent.db")).unwrap().is_none());
    }
}
