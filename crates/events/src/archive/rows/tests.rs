//! Rows written and read back, cut and refused where they must be.

use portcullis_model::event::End;
use portcullis_model::{Action, Event};

use super::*;
use crate::archive::tables;
use crate::sample::{at, event, id};

fn database() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    tables::prepare(&connection).unwrap();
    connection
}

fn write_event(connection: &Connection, event: &Event) -> Result<Written, rusqlite::Error> {
    EventWriter::new(connection)?.write(&Row::of(event).unwrap())
}

fn read(connection: &Connection, id: EventId) -> Option<Event> {
    read_event(connection, id).unwrap().map(|text| serde_json::from_str(&text).unwrap())
}

#[test]
fn an_event_is_read_back_as_it_was_written() {
    let connection = database();
    let event = event(0, 7, Action::Block);
    assert_eq!(write_event(&connection, &event), Ok(Written::Yes));
    assert_eq!(read(&connection, event.id), Some(event));
    assert_eq!(read(&connection, id(0, 8)), None);
}

#[test]
fn progress_gives_way_to_what_is_later_and_never_replaces_the_last_word() {
    let connection = database();
    let last = event(0, 7, Action::Pass);
    let progress = |number| Event { progress: Some(number), end: End::Ongoing, ..last.clone() };
    for (written, kept) in [
        (progress(1), Some(1)),
        (progress(2), Some(2)),
        (progress(1), Some(2)),
        (last.clone(), None),
        (progress(3), None),
    ] {
        assert_eq!(write_event(&connection, &written), Ok(Written::Yes));
        assert_eq!(read(&connection, last.id).unwrap().progress, kept);
    }
    let rows: i64 = connection.query_row("select count(*) from events", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
}

#[test]
fn ids_that_share_a_place_do_not_share_a_row() {
    let connection = database();
    let at_one_place: Vec<Event> = (0..20)
        .map(|low| Event { id: EventId::new(at(0), 5 << 60 | low), ..event(0, 0, Action::Pass) })
        .collect();
    for _ in 0..2 {
        for event in &at_one_place {
            assert_eq!(write_event(&connection, event), Ok(Written::Yes));
        }
    }
    assert!(at_one_place.iter().all(|event| read(&connection, event.id).as_ref() == Some(event)));
    let rows: i64 = connection.query_row("select count(*) from events", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 20);
}

#[test]
fn places_are_in_the_order_of_time() {
    let places = [place(id(0, 3)), place(id(0, 9)), place(id(1, 0)), place(id(400 * 86_400, 0))];
    assert!(places.is_sorted());
    assert_eq!(time_of(place(id(5, 1))), at(5));
    assert!(place(EventId::from_u128(u128::MAX)) > 0, "an absurd id has a place as well");
}
