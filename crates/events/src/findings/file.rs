//! One file of findings, open.
//!
//! Invariants: a batch is committed as a whole or not at all, and survives the process being killed; several processes
//! may have it open, each change reads what is there first; bounded: beyond that what matters least and was met
//! longest ago gives way, but what a person muted stays longest.

use std::path::Path;
use std::time::Duration;

use portcullis_model::Timestamp;
use portcullis_model::finding::{Attention, Finding, FindingId, FindingState, News};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::outbox::note;
use super::{FindingQuery, FindingsError, OpenCounts, by_weight, tables};
use crate::archive::{Fault, Trouble, place};
use crate::recorder::now;

/// How long a lock that another process holds is waited for.
const PATIENCE: Duration = Duration::from_millis(500);
/// Findings kept.
const MOST: i64 = 10_000;

/// A file of findings.
#[derive(Debug)]
pub struct FindingFile {
    pub(super) connection: Connection,
}

impl<E: Into<Trouble>> From<E> for FindingsError {
    fn from(error: E) -> Self {
        let trouble = error.into();
        Self { fault: trouble.fault, detail: trouble.detail }
    }
}

impl FindingFile {
    /// Opens the file, or makes it, readable for its owner only; without a path, one in memory.
    pub fn open(path: Option<&Path>) -> Result<Self, FindingsError> {
        let connection = match path {
            Some(path) => {
                place::make(path)?;
                Connection::open(path)?
            }
            None => Connection::open_in_memory()?,
        };
        connection.busy_timeout(PATIENCE)?;
        tables::prepare(&connection)?;
        Ok(Self { connection })
    }

    /// Opens the file; a damaged one is renamed first, and a new one begun.
    pub(super) fn open_or_set_aside(path: Option<&Path>) -> Result<Self, FindingsError> {
        match (Self::open(path), path) {
            (Err(error), Some(damaged)) if error.fault == Fault::Corrupt => {
                let aside = place::set_aside(damaged, now())?;
                tracing::warn!(aside = %aside.display(), "the findings are damaged and set aside; new ones begin");
                Self::open(path)
            }
            (opened, _) => opened,
        }
    }

    /// Keeps findings, each grouped with what is known of it already.
    pub fn raise(&mut self, findings: &[Finding]) -> Result<(), FindingsError> {
        let writing = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for raised in findings {
            if let Some(mut known) = read(&writing, &raised.id)? {
                let news = known.meet_again(raised.clone());
                write(&writing, &known)?;
                note(&writing, &known, news)?;
            } else {
                write(&writing, raised)?;
                note(&writing, raised, Some(News::New))?;
            }
        }
        make_room(&writing)?;
        Ok(writing.commit()?)
    }

    /// Findings that are asked for, what matters most first, then the latest.
    pub fn list(&self, query: &FindingQuery, now: Timestamp) -> Result<Vec<Finding>, FindingsError> {
        let mut asked = self.connection.prepare_cached("select finding from findings")?;
        let mut rows = asked.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let finding = parsed(row.get_ref(0)?.as_str().unwrap_or_default())?;
            if query.wants(&finding, now) {
                found.push(finding);
            }
        }
        found.sort_by(by_weight);
        Ok(found)
    }

    /// How many are open, by kind and severity.
    pub fn count_open(&self, now: Timestamp) -> Result<OpenCounts, FindingsError> {
        let mut asked = self.connection.prepare_cached("select finding from findings")?;
        let mut rows = asked.query([])?;
        let mut counts = OpenCounts::new();
        while let Some(row) = rows.next()? {
            let finding = parsed(row.get_ref(0)?.as_str().unwrap_or_default())?;
            if finding.standing(now) == Attention::Open {
                *counts.entry((finding.kind, finding.severity)).or_default() += 1;
            }
        }
        Ok(counts)
    }

    /// The findings whose ids begin like this.
    pub fn find(&self, id: &str) -> Result<Vec<Finding>, FindingsError> {
        let mut asked = self
            .connection
            .prepare_cached("select finding from findings where substr(id, 1, ?2) = ?1 order by id")?;
        let length = i64::try_from(id.len()).unwrap_or(i64::MAX);
        let texts = asked.query_map(params![id, length], |row| row.get::<_, String>(0))?;
        texts.map(|text| parsed(&text?)).collect()
    }

    /// Keeps what a person said of a finding, and answers the finding; `None` if there is none of that id.
    pub fn mark(&mut self, id: &FindingId, state: &FindingState) -> Result<Option<Finding>, FindingsError> {
        let writing = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let Some(mut finding) = read(&writing, id)? else { return Ok(None) };
        finding.state = state.clone();
        write(&writing, &finding)?;
        writing.commit()?;
        Ok(Some(finding))
    }
}

pub(super) fn read(connection: &Connection, id: &FindingId) -> Result<Option<Finding>, FindingsError> {
    let mut asked = connection.prepare_cached("select finding from findings where id = ?1")?;
    let text: Option<String> = asked.query_row([id.as_str()], |row| row.get(0)).optional()?;
    text.map(|text| parsed(&text)).transpose()
}

pub(super) fn write(connection: &Connection, finding: &Finding) -> Result<(), FindingsError> {
    let text = serde_json::to_string(finding).map_err(|error| unreadable(&error))?;
    let mut put = connection.prepare_cached(
        "insert into findings (id, last, severity, finding) values (?1, ?2, ?3, ?4) on conflict do update
         set last = excluded.last, severity = excluded.severity, finding = excluded.finding",
    )?;
    // What a person muted is kept longest: a muting that is forgotten would be an alarm.
    let weight =
        finding.severity as i64 + if matches!(finding.state, FindingState::Muted { .. }) { 10 } else { 0 };
    put.execute(params![finding.id.as_str(), finding.last.as_micros(), weight, text])?;
    Ok(())
}

fn make_room(writing: &Transaction<'_>) -> Result<(), FindingsError> {
    let kept: i64 = writing.query_row("select count(*) from findings", [], |row| row.get(0))?;
    if kept > MOST {
        writing.execute(
            "delete from findings where id in (select id from findings order by severity, last limit ?1)",
            [kept - MOST],
        )?;
    }
    Ok(())
}

pub(super) fn parsed(text: &str) -> Result<Finding, FindingsError> {
    serde_json::from_str(text).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> FindingsError {
    FindingsError { fault: Fault::Foreign, detail: format!("a finding cannot be read: {error}") }
}
