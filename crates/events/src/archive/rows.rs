//! Events and totals as rows.
//!
//! An event's place in the table comes from its id: 43 bits of milliseconds, then 20 of the id's random bits. Two ids
//! that share a place (one in some thousands at a hundred thousand events a second) move on to the next free one.
//! Writing an event again, or the last word on one that was in progress, replaces it; a late progress report does not.

use portcullis_model::{EventId, Timestamp};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::row::Row;
use super::trouble::is_rejected;
use crate::totals::MinuteTotals;

const RANDOM_BITS: u32 = 20;
/// How many places an id may move on.
pub(super) const MOVES: i64 = 4096;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Yes,
    /// The archive cannot take it for what it is.
    Rejected,
}

/// The first place of an id.
pub(super) fn place(id: EventId) -> i64 {
    let random = (id.as_u128() >> (80 - RANDOM_BITS)) as i64 & ((1 << RANDOM_BITS) - 1);
    first_place(id.timestamp()) | random
}

/// The first place of any event whose id was made at `at`.
pub(super) fn first_place(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(1000).clamp(0, (1 << 43) - 1) << RANDOM_BITS
}

/// The time, to the millisecond, of the ids at a place.
pub(super) fn time_of(place: i64) -> Timestamp {
    Timestamp::from_micros((place >> RANDOM_BITS) * 1000)
}

const INSERT: &str = "insert into events
    (seq, id, time, progress, notable, action, would_have, status, site, operation, caller, method, duration_us, event)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
    on conflict (seq) do update set
        time = excluded.time, progress = excluded.progress, notable = excluded.notable, action = excluded.action,
        would_have = excluded.would_have, status = excluded.status, site = excluded.site,
        operation = excluded.operation, caller = excluded.caller, method = excluded.method,
        duration_us = excluded.duration_us, event = excluded.event
    where id = excluded.id and (excluded.progress is null or progress < excluded.progress)";

/// Writes events within one transaction, by one statement.
pub(super) struct EventWriter<'c> {
    connection: &'c Connection,
    insert: CachedStatement<'c>,
}

impl<'c> EventWriter<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, rusqlite::Error> {
        Ok(Self { connection, insert: connection.prepare_cached(INSERT)? })
    }

    /// Writes one event.
    pub(super) fn write(&mut self, row: &Row) -> Result<Written, rusqlite::Error> {
        let first = place(row.id);
        for place in first..first + MOVES {
            match self.insert(place, row) {
                Ok(0) if holder(self.connection, place)?.is_none_or(|holder| holder != row.id) => {}
                Ok(_) => return Ok(Written::Yes),
                Err(error) if is_rejected(&error) => return Ok(Written::Rejected),
                Err(error) => return Err(error),
            }
        }
        Ok(Written::Rejected)
    }

    fn insert(&mut self, place: i64, row: &Row) -> Result<usize, rusqlite::Error> {
        self.insert.execute(params![
            place,
            row.id.as_u128().to_be_bytes(),
            row.time,
            row.progress,
            row.action > 0 || row.would_have > 0,
            row.action,
            row.would_have,
            row.status,
            row.site.as_deref(),
            row.operation.as_deref(),
            row.caller.as_str(),
            row.method.as_str(),
            row.duration_us,
            // JSON is UTF-8; as text, so that people and SQL can read it.
            ToSqlOutput::Borrowed(ValueRef::Text(&row.text)),
        ])
    }
}

/// Whose event is at a place.
fn holder(connection: &Connection, place: i64) -> Result<Option<EventId>, rusqlite::Error> {
    let mut asked = connection.prepare_cached("select id from events where seq = ?1")?;
    let id: Option<[u8; 16]> = asked.query_row([place], |row| row.get(0)).optional()?;
    Ok(id.map(|bytes| EventId::from_u128(u128::from_be_bytes(bytes))))
}

/// The event of an id, as JSON.
pub(super) fn read_event(connection: &Connection, id: EventId) -> Result<Option<String>, rusqlite::Error> {
    let mut asked = connection
        .prepare_cached("select event from events where seq >= ?1 and seq < ?2 and id = ?3 order by seq")?;
    let first = place(id);
    asked.query_row(params![first, first + MOVES, id.as_u128().to_be_bytes()], |row| row.get(0)).optional()
}

/// Writes a minute's part, within a transaction: its lines replace what they were before, its callers as a whole.
pub(super) fn write_minute(connection: &Connection, totals: &MinuteTotals) -> Result<(), rusqlite::Error> {
    let (minute, part) = (totals.minute.as_secs(), totals.part);
    let mut line = connection.prepare_cached(
        "insert or replace into minutes values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    for (about, counts) in &totals.lines {
        line.execute(params![
            minute,
            part,
            about.site.as_str(),
            about.operation.as_str(),
            about.standing.map_or("", portcullis_model::event::Standing::as_str),
            about.action.as_str(),
            about.would_have.as_str(),
            about.class.as_str(),
            integer(counts.count),
            integer(counts.request_bytes),
            integer(counts.response_bytes),
            counts.latency.to_bytes(),
        ])?;
    }
    connection
        .prepare_cached("delete from callers where minute = ?1 and part = ?2")?
        .execute(params![minute, part])?;
    let mut caller = connection.prepare_cached("insert into callers values (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for held in &totals.callers {
        let (site, key) = (held.site.as_str(), held.caller.to_string());
        let [count, over, refused] = [held.count, held.over, held.refused].map(integer);
        caller.execute(params![minute, part, site, key, count, over, refused])?;
    }
    Ok(())
}

/// SQLite's integers are signed.
fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
