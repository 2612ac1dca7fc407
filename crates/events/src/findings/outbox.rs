//! What of the findings is still to be told, channel by channel.
//!
//! Invariants: a notice is written in the transaction that keeps its finding; a channel's place moves on only after its
//! message was taken, so that everything is told at least once; notices that every channel has dealt with are deleted.

use portcullis_model::finding::{Finding, News};
use rusqlite::{Connection, params};

use super::FindingsError;
use super::file::{FindingFile, parsed};

/// Notices kept where no channel takes them.
const MOST: i64 = 10_000;

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its number; a receiver that sees one again has had it.
    pub seq: i64,
    /// Why it is told.
    pub news: News,
    /// The finding as it is now.
    pub finding: Finding,
}

/// How far a channel has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// The last notice it has dealt with.
    pub reached: i64,
    /// When counting what was sent began, in seconds since 1970.
    pub window: i64,
    /// Messages sent since then.
    pub sent: i64,
}

/// Keeps that there is something to tell.
pub(super) fn note(writing: &Connection, finding: &Finding, news: Option<News>) -> Result<(), FindingsError> {
    let Some(news) = news else { return Ok(()) };
    let mut put = writing.prepare_cached("insert into notices (finding, news) values (?1, ?2)")?;
    let seq = put.insert(params![finding.id.as_str(), news.as_str()])?;
    writing.prepare_cached("delete from notices where seq <= ?1")?.execute([seq - MOST])?;
    Ok(())
}

impl FindingFile {
    /// Where a channel stands; a new one begins with what is raised from now on.
    pub fn channel(&mut self, name: &str) -> Result<Channel, FindingsError> {
        self.connection.execute(
            "insert or ignore into channels (name, reached, window, sent)
             values (?1, (select coalesce(max(seq), 0) from sqlite_sequence where name = 'notices'), 0, 0)",
            [name],
        )?;
        let mut asked =
            self.connection.prepare_cached("select reached, window, sent from channels where name = ?1")?;
        Ok(asked.query_row([name], |row| {
            Ok(Channel { reached: row.get(0)?, window: row.get(1)?, sent: row.get(2)? })
        })?)
    }

    /// Forgets channels that are none of these any more.
    pub fn retain_channels(&mut self, names: &[&str]) -> Result<(), FindingsError> {
        let kept: Vec<String> = {
            let mut asked = self.connection.prepare("select name from channels")?;
            let rows = asked.query_map([], |row| row.get(0))?;
            rows.collect::<Result<_, _>>()?
        };
        for gone in kept.iter().filter(|name| !names.contains(&name.as_str())) {
            self.connection.execute("delete from channels where name = ?1", [gone])?;
        }
        Ok(())
    }

    /// The notices behind a place, oldest first, at most so many.
    pub fn notices(&self, behind: i64, most: usize) -> Result<Vec<Notice>, FindingsError> {
        let mut asked = self.connection.prepare_cached(
            "select seq, news, findings.finding from notices join findings on id = notices.finding
             where seq > ?1 order by seq limit ?2",
        )?;
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = asked.query_map(params![behind, limit], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        })?;
        rows.map(|row| {
            let (seq, news, text): (i64, String, String) = row?;
            Ok(Notice { seq, news: news.parse().unwrap_or(News::New), finding: parsed(&text)? })
        })
        .collect()
    }

    /// How many notices lie behind a channel's place.
    pub fn waiting(&self, name: &str) -> Result<u64, FindingsError> {
        let mut asked = self.connection.prepare_cached(
            "select count(*) from notices where seq > (select reached from channels where name = ?1)",
        )?;
        let waiting: i64 = asked.query_row([name], |row| row.get(0))?;
        Ok(waiting.unsigned_abs())
    }

    /// Moves a channel on, and deletes what every channel has dealt with.
    pub fn move_channel(&mut self, name: &str, to: Channel) -> Result<(), FindingsError> {
        let writing = self.connection.transaction()?;
        writing.execute(
            "update channels set reached = ?2, window = ?3, sent = ?4 where name = ?1",
            params![name, to.reached, to.window, to.sent],
        )?;
        writing.execute("delete from notices where seq <= (select min(reached) from channels)", [])?;
        Ok(writing.commit()?)
    }
}
