//! Finding events page by page: what SQL can tell is left to SQL, the rest to the compiled condition.

use portcullis_model::{Event, Timestamp};
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, ToSql, params_from_iter};
use std::time::Duration;

use super::pushdown::{self, Term};
use super::{Cursor, Found, Order, Query};
use crate::archive::facts::EventFacts;
use crate::archive::reader::{ReadError, unreadable};
use crate::archive::rows::first_place;

/// Rows read in one go.
const PAGE: usize = 512;
/// Ids are made when a connection is accepted or a head is read: never further from the event's time than this.
pub(super) const SKEW: Duration = Duration::from_mins(5);

/// A value bound to a statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Bound {
    Integer(i64),
    Text(String),
}

impl ToSql for Bound {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Integer(integer) => integer.to_sql(),
            Self::Text(text) => text.to_sql(),
        }
    }
}

/// Events that meet the query, until its limit is reached or nothing is left.
pub(crate) fn find(connection: &Connection, query: &Query) -> Result<Found, ReadError> {
    let program = query.when.as_ref().map(portcullis_expr::Checked::compile);
    let limit = if query.limit == 0 { usize::MAX } else { query.limit };
    let mut found = Found::default();
    let mut after = query.after.or_else(|| start(query));
    loop {
        let rows = read_page(connection, query, after)?;
        let full = rows.len() == PAGE;
        for (place, text) in rows {
            after = Some(Cursor(place));
            let event: Event =
                serde_json::from_str(&text).map_err(|error| unreadable(&format!("at {place}"), &error))?;
            if program.as_ref().is_none_or(|program| program.holds(&EventFacts::new(&event))) {
                if found.events.len() == limit {
                    // One more is there: the answer goes on after the last one that was given.
                    return Ok(found);
                }
                found.more = after;
                found.events.push(event);
            }
        }
        if !full {
            found.more = None;
            return Ok(found);
        }
    }
}

/// Where a span of time begins, on the side the query starts from.
fn start(query: &Query) -> Option<Cursor> {
    match query.order {
        Order::NewestFirst => query.until.map(|until| Cursor(first_place(until.plus(SKEW)))),
        Order::OldestFirst => query.since.map(|since| Cursor(first_place(since.minus(SKEW)) - 1)),
    }
}

fn read_page(
    connection: &Connection,
    query: &Query,
    after: Option<Cursor>,
) -> Result<Vec<(i64, String)>, ReadError> {
    let (sql, values) = statement(query, after);
    let mut asked = connection.prepare_cached(&sql)?;
    let rows = asked.query_map(params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The statement of one page.
pub(crate) fn statement(query: &Query, after: Option<Cursor>) -> (String, Vec<Bound>) {
    let mut terms = span(query);
    if let Some(when) = &query.when {
        terms.extend(pushdown::terms(when));
    }
    let (beyond, direction) = match query.order {
        Order::NewestFirst => ("seq < ?", "desc"),
        Order::OldestFirst => ("seq > ?", "asc"),
    };
    terms.extend(after.map(|after| Term::new(beyond, [Bound::Integer(after.0)])));
    let (conditions, values): (Vec<_>, Vec<_>) =
        terms.into_iter().map(|term| (term.sql, term.values)).unzip();
    let conditions =
        if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) };
    let sql = format!("select seq, event from events{conditions} order by seq {direction} limit {PAGE}");
    (sql, values.into_iter().flatten().collect())
}

/// The span of time: exactly by the event's time, and roughly by its place, which is what makes it quick.
fn span(query: &Query) -> Vec<Term> {
    let micros = |at: Timestamp| Bound::Integer(at.as_micros());
    let mut terms = Vec::new();
    if let Some(since) = query.since {
        terms.push(Term::new("seq >= ?", [Bound::Integer(first_place(since.minus(SKEW)))]));
        terms.push(Term::new("time >= ?", [micros(since)]));
    }
    if let Some(until) = query.until {
        terms.push(Term::new("seq < ?", [Bound::Integer(first_place(until.plus(SKEW)))]));
        terms.push(Term::new("time < ?", [micros(until)]));
    }
    terms
}
