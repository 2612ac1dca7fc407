//! What is deleted: events and totals past their age, and the oldest events of a file grown past its size.
//!
//! Deleted in slices, each a transaction of its own, so that the events waiting never wait long; a slice says
//! whether there is more.

use std::time::Duration;

use portcullis_model::Timestamp;
use rusqlite::params;

use super::file::File;
use super::rows::first_place;
use super::trouble::Trouble;

/// Rows deleted at a time.
const SLICE: i64 = 5000;
/// What an event takes, about; rather too much than too little.
const ROW_BYTES: u64 = 1500;
/// Pages given back to the file system at a time.
const PAGES: i64 = 2000;

/// Whether more is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Done,
    More,
}

/// Deletes one slice of what is too old or too much.
pub(super) fn delete_slice(
    file: &File,
    retain: Duration,
    size: Option<u64>,
    now: Timestamp,
) -> Result<Progress, Trouble> {
    let oldest = now.minus(retain);
    let mut deleted = delete_old_events(file, oldest)? + delete_old_totals(file, oldest)?;
    let over = size.map_or(Ok(0), |size| file.bytes().map(|bytes| bytes.saturating_sub(size)))?;
    if deleted == 0 && over > 0 {
        deleted = delete_oldest_events(file, over)?;
    }
    if deleted == 0 {
        return Ok(Progress::Done);
    }
    give_back(file)?;
    Ok(Progress::More)
}

fn delete_old_events(file: &File, oldest: Timestamp) -> Result<usize, Trouble> {
    let mut delete = file.connection.prepare_cached(
        "delete from events where seq in (select seq from events where seq < ?1 order by seq limit ?2)",
    )?;
    Ok(delete.execute(params![first_place(oldest), SLICE])?)
}

/// Deletes about as many as take `over` bytes; what is still too much goes with the next slice.
fn delete_oldest_events(file: &File, over: u64) -> Result<usize, Trouble> {
    let rows = i64::try_from(over / ROW_BYTES).unwrap_or(i64::MAX).clamp(100, 4 * SLICE);
    let mut delete = file
        .connection
        .prepare_cached("delete from events where seq in (select seq from events order by seq limit ?1)")?;
    Ok(delete.execute([rows])?)
}

fn delete_old_totals(file: &File, oldest: Timestamp) -> Result<usize, Trouble> {
    let minute = oldest.minute().as_secs();
    let lines = file.connection.prepare_cached("delete from minutes where minute < ?1")?.execute([minute])?;
    let callers =
        file.connection.prepare_cached("delete from callers where minute < ?1")?.execute([minute])?;
    Ok(lines + callers)
}

/// Shrinks the file by pages that are free, once they are more than a tenth: the next events need some again.
fn give_back(file: &File) -> Result<(), Trouble> {
    if file.number("freelist_count")? <= file.number("page_count")? / 10 {
        return Ok(());
    }
    let mut vacuum = file.connection.prepare(&format!("pragma incremental_vacuum({PAGES})"))?;
    let mut rows = vacuum.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}
