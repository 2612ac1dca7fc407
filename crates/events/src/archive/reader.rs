//! Reads an archive: events by condition, one event by id, totals over a span.
//!
//! Invariants: a reader holds no transaction longer than one page of rows, so it never keeps the writer from
//! tidying up; it opens the file for reading only, and may be another process than the one that writes.

use std::path::Path;
use std::time::Duration;

use portcullis_model::{Event, EventId};
use rusqlite::{Connection, OpenFlags};

use super::query::{Found, Query, page};
use super::{rows, tables};
use crate::figures::Fault;

/// How long a lock is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// An archive opened for reading.
#[derive(Debug)]
pub struct Reader {
    pub(super) connection: Connection,
}

/// An archive could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no archive at that path.
    #[error("there is no archive at {0}")]
    Absent(std::path::PathBuf),
    /// It is locked, damaged, of another make or unreachable.
    #[error("the archive cannot be read ({}): {detail}", .fault.as_str())]
    Failing {
        /// What is wrong.
        fault: Fault,
        /// In words.
        detail: String,
    },
    /// One event is not of the format this version reads.
    #[error("event {id} cannot be read: {detail}")]
    Event {
        /// Which.
        id: String,
        /// In words.
        detail: String,
    },
}

impl<E: Into<super::trouble::Trouble>> From<E> for ReadError {
    fn from(error: E) -> Self {
        let trouble = error.into();
        Self::Failing { fault: trouble.fault, detail: trouble.detail }
    }
}

impl Reader {
    /// Opens an archive.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        if !path.exists() {
            return Err(ReadError::Absent(path.to_owned()));
        }
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .or_else(|_| Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY))?;
        connection.busy_timeout(PATIENCE)?;
        connection.execute_batch("pragma query_only = true")?;
        if tables::is_new(&connection)? {
            return Err(ReadError::Absent(path.to_owned()));
        }
        tables::check(&connection)?;
        Ok(Self { connection })
    }

    /// Events that meet a query.
    pub fn events(&self, query: &Query) -> Result<Found, ReadError> {
        page::find(&self.connection, query)
    }

    /// The event of an id.
    pub fn event(&self, id: EventId) -> Result<Option<Event>, ReadError> {
        rows::read_event(&self.connection, id)?
            .map(|text| serde_json::from_str(&text).map_err(|error| unreadable(&id.to_string(), &error)))
            .transpose()
    }
}

pub(super) fn unreadable(id: &str, error: &serde_json::Error) -> ReadError {
    ReadError::Event { id: id.to_owned(), detail: error.to_string() }
}
