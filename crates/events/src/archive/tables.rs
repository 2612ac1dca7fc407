//! The tables of an archive file, and how one is told from any other SQLite file.
//!
//! Events lie in the order of their ids, which is that of time, so the newest are at the end and a span of time is a
//! range; the columns beside the event itself are those that queries ask for first. The one secondary index holds
//! only what was not a plain pass.

use rusqlite::Connection;

use super::Fault;
use super::trouble::Trouble;

/// `PORT`: says whose file it is.
const APPLICATION: i64 = 0x504f_5254;
/// Bytes in a page of a new file. A page is written whole with each commit that touches it, and an event takes one
/// to two thousand bytes: twice SQLite's own size saves a quarter of a stored event's cost.
const PAGE: u32 = 8192;
/// The version of the tables.
const VERSION: i64 = 1;

const TABLES: &str = "
create table if not exists events (
    seq integer primary key,      -- see rows.rs: the id's milliseconds, then 20 of its random bits
    id blob not null,             -- the id's 16 bytes
    time integer not null,        -- microseconds since 1970
    progress integer,             -- of an exchange still going on
    notable integer not null,     -- 1 if anything but a plain pass was, or would have been, decided
    action integer not null,      -- actions by strictness, 0 is pass
    would_have integer not null,
    status integer,
    site text,
    operation text,
    caller text not null,
    method text not null,
    duration_us integer not null,
    event text not null           -- the event as JSON
) strict;
create index if not exists notable on events (seq) where notable = 1;
create table if not exists minutes (
    minute integer not null,      -- seconds since 1970
    part integer not null,        -- one a process that counted in this minute; parts add up
    site text not null,
    operation text not null,
    standing text not null,       -- empty if none
    action text not null,
    would_have text not null,
    status_class text not null,
    count integer not null,
    request_bytes integer not null,
    response_bytes integer not null,
    latency blob not null,
    primary key (minute, part, site, operation, standing, action, would_have, status_class)
) strict, without rowid;
create table if not exists callers (
    minute integer not null,
    part integer not null,
    site text not null,
    caller text not null,
    count integer not null,
    over integer not null,        -- by how much count may be too high
    refused integer not null,
    primary key (minute, part, site, caller)
) strict, without rowid;
";

/// Makes the tables in a new file; refuses a file that is something else, or newer.
pub(super) fn prepare(connection: &Connection) -> Result<(), Trouble> {
    if is_new(connection)? {
        // Has to come before the first table.
        connection.execute_batch(&format!("pragma page_size = {PAGE}; pragma auto_vacuum = incremental"))?;
    }
    connection.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = full; pragma journal_size_limit = 67108864",
    )?;
    let begin = format!(
        "begin immediate; pragma application_id = {APPLICATION}; pragma user_version = {VERSION}; {TABLES} commit;"
    );
    if is_new(connection)? { Ok(connection.execute_batch(&begin)?) } else { check(connection) }
}

/// Whether this is an archive this version understands.
pub(super) fn check(connection: &Connection) -> Result<(), Trouble> {
    let application: i64 = connection.query_row("pragma application_id", [], |row| row.get(0))?;
    let version: i64 = connection.query_row("pragma user_version", [], |row| row.get(0))?;
    match (application, version) {
        (APPLICATION, VERSION) => Ok(()),
        (APPLICATION, newer) => Err(Trouble::new(
            Fault::Foreign,
            format!("the archive is of version {newer}, this reads {VERSION}"),
        )),
        _ => Err(Trouble::new(Fault::Foreign, "the file is a database, but not an archive of Portcullis")),
    }
}

/// Whether the file has no tables at all.
pub(super) fn is_new(connection: &Connection) -> Result<bool, rusqlite::Error> {
    connection.query_row("select not exists (select 1 from sqlite_schema)", [], |row| row.get(0))
}
