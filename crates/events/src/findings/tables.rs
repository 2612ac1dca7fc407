//! The tables of a file of findings, and how an older file becomes one of today.
//!
//! Invariants: each step is one transaction with the version it leads to, so a crash leaves a whole version; a file of
//! something else, or of a newer version, is left alone.

use rusqlite::Connection;

use crate::archive::{Fault, Trouble};

/// `PFND`: says whose file it is.
const APPLICATION: i64 = 0x5046_4e44;

/// What each version adds to the one before; the version of a file is how many of these it has had.
const STEPS: &[&str] = &[
    "create table findings (
    id text primary key,
    last integer not null,        -- microseconds since 1970
    severity integer not null,    -- 0 is the least
    finding text not null         -- as JSON
) strict;
create index by_weight on findings (severity, last);",
    "create table notices (
    seq integer primary key autoincrement,
    finding text not null,        -- its id
    news text not null
) strict;
create table channels (
    name text primary key,
    reached integer not null,     -- the last notice that was dealt with
    window integer not null,      -- when counting what was sent began, seconds since 1970
    sent integer not null         -- messages since then
) strict, without rowid;",
];

/// Makes the tables in a new file, brings those of an older one up to date.
pub(super) fn prepare(connection: &Connection) -> Result<(), Trouble> {
    connection.execute_batch("pragma journal_mode = wal; pragma synchronous = full")?;
    let is_new: bool =
        connection.query_row("select not exists (select 1 from sqlite_schema)", [], |row| row.get(0))?;
    let version = if is_new { 0 } else { check(connection)? };
    for (step, version) in STEPS.iter().zip(1_usize..).skip(version) {
        connection.execute_batch(&format!(
            "begin immediate; pragma application_id = {APPLICATION}; pragma user_version = {version}; {step} commit;"
        ))?;
    }
    Ok(())
}

/// The version of a file of findings.
fn check(connection: &Connection) -> Result<usize, Trouble> {
    let application: i64 = connection.query_row("pragma application_id", [], |row| row.get(0))?;
    let version: i64 = connection.query_row("pragma user_version", [], |row| row.get(0))?;
    let foreign = |detail: String| Trouble::new(Fault::Foreign, detail);
    if application != APPLICATION {
        return Err(foreign("the file is a database, but not one of Portcullis' findings".to_owned()));
    }
    let known = usize::try_from(version).ok().filter(|version| *version <= STEPS.len());
    known.ok_or_else(|| foreign(format!("the file is of version {version}, this reads {}", STEPS.len())))
}
