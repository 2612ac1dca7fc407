//! One open archive file, for writing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_model::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::Fault;
use super::place::{self, Identity, beside};
use super::row::Row;
use super::rows::{self, EventWriter, Written};
use super::tables;
use super::trouble::Trouble;
use crate::totals::MinuteTotals;

/// How long a lock that another process holds is waited for; the queue bears that long.
const PATIENCE: Duration = Duration::from_millis(500);

/// An archive file that is open.
#[derive(Debug)]
pub(super) struct File {
    pub(super) connection: Connection,
    path: PathBuf,
    identity: Option<Identity>,
    journal: Option<Identity>,
}

impl File {
    /// Opens the file, or makes it.
    pub(super) fn open(path: &Path) -> Result<Self, Trouble> {
        place::make(path)?;
        let connection = Connection::open(path)?;
        connection.busy_timeout(PATIENCE)?;
        connection.set_prepared_statement_cache_capacity(32);
        tables::prepare(&connection)?;
        let identity = place::identify(path);
        Ok(Self { connection, path: path.to_owned(), identity, journal: None })
    }

    /// Writes a batch in one transaction and has it on disk; how many events could not be taken.
    pub(super) fn write(&mut self, events: &[Row], minutes: &[MinuteTotals]) -> Result<u64, Trouble> {
        let mut rejected = 0;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut writer = EventWriter::new(&transaction)?;
        for event in events {
            rejected += u64::from(writer.write(event)? == Written::Rejected);
        }
        drop(writer);
        for minute in minutes {
            rows::write_minute(&transaction, minute)?;
        }
        transaction.commit()?;
        self.check_place()?;
        Ok(rejected)
    }

    /// Notices that the file was deleted or replaced: what is committed to it then is lost with it.
    pub(super) fn check_place(&mut self) -> Result<(), Trouble> {
        let now = place::identify(&self.path);
        let journal = place::identify(&beside(&self.path, "-wal"));
        let same =
            now.is_some() && now == self.identity && (self.journal.is_none() || journal == self.journal);
        self.journal = journal;
        if same && journal.is_some() {
            return Ok(());
        }
        Err(Trouble::new(Fault::Gone, "the file was deleted or replaced while it was open"))
    }

    /// Bytes in use, free pages left out.
    pub(super) fn bytes(&self) -> Result<u64, Trouble> {
        let pages = self.number("page_count")? - self.number("freelist_count")?;
        Ok(u64::try_from(pages * self.number("page_size")?).unwrap_or(0))
    }

    /// A pragma that is a number.
    pub(super) fn number(&self, pragma: &str) -> Result<i64, Trouble> {
        Ok(self.connection.query_row(&format!("pragma {pragma}"), [], |row| row.get(0))?)
    }

    /// The oldest event's time, to the millisecond.
    pub(super) fn oldest(&self) -> Result<Option<Timestamp>, Trouble> {
        let mut asked = self.connection.prepare_cached("select seq from events order by seq limit 1")?;
        Ok(asked.query_row([], |row| row.get(0)).optional()?.map(rows::time_of))
    }
}
