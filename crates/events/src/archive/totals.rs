//! Totals read back from an archive.

use portcullis_model::event::Standing;
use portcullis_model::{Action, CallerKey, Timestamp};
use rusqlite::{Row, named_params};
use smol_str::SmolStr;

use super::reader::{ReadError, Reader};
use crate::totals::{CallerCount, Callers, Counts, Gathering, Latency, Line, StatusClass, Top};

/// Which totals to add up.
#[derive(Clone, Debug)]
pub struct TotalsQuery {
    /// From the minute this lies in.
    pub since: Timestamp,
    /// Up to the end of the minute before the one this lies in, or of that minute itself if this is not its start.
    pub until: Timestamp,
    /// Only this site; every one if absent.
    pub site: Option<SmolStr>,
}

/// One minute's exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MinuteLine {
    /// When it began.
    pub minute: Timestamp,
    /// Exchanges that ended in it.
    pub count: u64,
    /// Of these, refused.
    pub refused: u64,
}

const WITHIN: &str = "minute >= :since and minute < :until and (:site is null or site = :site)";

impl Reader {
    /// Adds totals up over a span.
    pub fn totals(&self, query: &TotalsQuery) -> Result<Top, ReadError> {
        let mut gathering = Gathering::default();
        let (since, until) = seconds(query);
        let site = query.site.as_deref();
        let mut asked = self.connection.prepare_cached(&format!(
            "select site, operation, standing, action, would_have, status_class, count, request_bytes,
             response_bytes, latency from minutes where {WITHIN}"
        ))?;
        let mut rows = asked.query(named_params! { ":since": since, ":until": until, ":site": site })?;
        while let Some(row) = rows.next()? {
            let (line, counts) = read_line(row)?;
            gathering.add(&line, &counts);
        }
        self.gather_callers(&mut gathering, query)?;
        Ok(gathering.finish(Timestamp::from_secs(since), Timestamp::from_secs(until)))
    }

    /// The busiest callers: what each minute counted, added up.
    fn gather_callers(&self, gathering: &mut Gathering, query: &TotalsQuery) -> Result<(), ReadError> {
        let (since, until) = seconds(query);
        let mut asked = self.connection.prepare_cached(&format!(
            "select site, caller, sum(count) as called, sum(over), sum(refused) from callers where {WITHIN}
             group by site, caller order by called desc limit 128"
        ))?;
        let site = query.site.as_deref();
        let mut rows = asked.query(named_params! { ":since": since, ":until": until, ":site": site })?;
        let mut callers = Vec::new();
        while let Some(row) = rows.next()? {
            let caller: String = row.get(1)?;
            let Some(caller) = CallerKey::parse(&caller) else { continue };
            let [count, over, refused] = [count(row, 2)?, count(row, 3)?, count(row, 4)?];
            callers.push(CallerCount { site: word(row, 0)?, caller, count, over: over.min(count), refused });
        }
        gathering.add_callers(&Callers::of(callers));
        Ok(())
    }

    /// Exchanges minute by minute; minutes without any are left out.
    pub fn minutes(&self, query: &TotalsQuery) -> Result<Vec<MinuteLine>, ReadError> {
        let (since, until) = seconds(query);
        let mut asked = self.connection.prepare_cached(&format!(
            "select minute, sum(count), sum(case when action in ('redirect', 'throttle', 'challenge', 'block', 'ban')
             then count else 0 end) from minutes where {WITHIN} group by minute order by minute"
        ))?;
        let site = query.site.as_deref();
        let rows =
            asked.query_map(named_params! { ":since": since, ":until": until, ":site": site }, |row| {
                let (count, refused) = (count(row, 1)?, count(row, 2)?);
                Ok(MinuteLine { minute: Timestamp::from_secs(row.get(0)?), count, refused })
            })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// The span in whole minutes, as seconds.
fn seconds(query: &TotalsQuery) -> (i64, i64) {
    let last = Timestamp::from_micros(query.until.as_micros().saturating_sub(1)).minute();
    (query.since.minute().as_secs(), last.as_secs() + 60)
}

fn read_line(row: &Row<'_>) -> Result<(Line, Counts), rusqlite::Error> {
    let line = Line {
        site: word(row, 0)?,
        operation: word(row, 1)?,
        standing: standing(&word(row, 2)?),
        action: action(&word(row, 3)?),
        would_have: action(&word(row, 4)?),
        class: class(&word(row, 5)?),
    };
    let latency: Vec<u8> = row.get(9)?;
    let counts = Counts {
        count: count(row, 6)?,
        request_bytes: count(row, 7)?,
        response_bytes: count(row, 8)?,
        latency: Latency::from_bytes(&latency),
    };
    Ok((line, counts))
}

fn word(row: &Row<'_>, column: usize) -> Result<SmolStr, rusqlite::Error> {
    row.get_ref(column)?.as_str().map(SmolStr::new).map_err(Into::into)
}

fn count(row: &Row<'_>, column: usize) -> Result<u64, rusqlite::Error> {
    row.get(column).map(|count: i64| u64::try_from(count).unwrap_or(0))
}

fn standing(word: &str) -> Option<Standing> {
    [Standing::Documented, Standing::Shadow, Standing::Zombie]
        .into_iter()
        .find(|known| known.as_str() == word)
}

fn action(word: &str) -> Action {
    Action::ALL.into_iter().find(|known| known.as_str() == word).unwrap_or_default()
}

fn class(word: &str) -> StatusClass {
    StatusClass::ALL.into_iter().find(|known| known.as_str() == word).unwrap_or(StatusClass::None)
}
