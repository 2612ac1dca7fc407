//! Every fault an archive can meet, and that nothing committed is lost by it.

use std::path::Path;

use portcullis_model::{Action, EventId};
use rusqlite::Connection;

use super::*;
use crate::archive::place::beside;
use crate::archive::{Query, Reader};
use crate::sample::{at, event, id};

fn keeper(path: &Path) -> Keeper {
    Keeper::new(ArchiveConfig { path: path.to_owned(), retain: Duration::from_hours(24), size: None })
}

fn batch(secs: i64, numbers: std::ops::Range<u64>) -> Vec<Row> {
    numbers.map(|n| Row::of(&event(secs, n, Action::Pass)).unwrap()).collect()
}

fn kept(path: &Path) -> Vec<EventId> {
    let found = Reader::open(path).unwrap().events(&Query::default()).unwrap();
    let mut ids: Vec<_> = found.events.iter().map(|event| event.id).collect();
    ids.sort_unstable();
    ids
}

fn ids(secs: i64, numbers: std::ops::Range<u64>) -> Vec<EventId> {
    numbers.map(|n| id(secs, n)).collect()
}

fn fault(keeper: &Keeper) -> Option<Fault> {
    match keeper.state() {
        ArchiveState::Failing { fault, .. } => Some(fault),
        _ => None,
    }
}

#[test]
fn a_new_archive_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/events.db");
    assert_eq!(keeper(&path).write(&batch(0, 0..3), &[], at(0)), Kept::Yes);
    assert_eq!(kept(&path), ids(0, 0..3));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_full_archive_takes_the_same_batch_once_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let mut keeper = keeper(&path);
    assert_eq!(keeper.write(&batch(0, 0..10), &[], at(0)), Kept::Yes);
    let limit = |keeper: &Keeper, pages: u32| {
        let connection = &keeper.file.as_ref().unwrap().connection;
        let set: u32 =
            connection.query_row(&format!("pragma max_page_count = {pages}"), [], |row| row.get(0)).unwrap();
        assert!(set >= pages);
    };
    limit(&keeper, 1);
    assert_eq!(keeper.write(&batch(1, 0..500), &[], at(1)), Kept::NotYet);
    assert_eq!(fault(&keeper), Some(Fault::Full));
    assert_eq!(kept(&path), ids(0, 0..10), "what was committed is there, of the batch nothing is");
    assert!(!keeper.is_ready(at(1)) && keeper.is_ready(at(2)), "tries are spaced");
    limit(&keeper, 100_000);
    assert_eq!(keeper.write(&batch(1, 0..500), &[], at(2)), Kept::Yes);
    assert_eq!((fault(&keeper), kept(&path).len()), (None, 510));
}

#[test]
fn a_locked_archive_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let mut keeper = keeper(&path);
    assert_eq!(keeper.write(&batch(0, 0..1), &[], at(0)), Kept::Yes);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("begin immediate").unwrap();
    assert_eq!(keeper.write(&batch(1, 0..5), &[], at(1)), Kept::NotYet);
    assert_eq!(fault(&keeper), Some(Fault::Locked));
    other.execute_batch("rollback").unwrap();
    assert_eq!(keeper.write(&batch(1, 0..5), &[], at(2)), Kept::Yes);
    assert_eq!((fault(&keeper), kept(&path).len()), (None, 6));
}

#[test]
fn a_file_that_is_no_database_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let garbage = vec![0xA5; 100_000];
    std::fs::write(&path, &garbage).unwrap();
    let mut keeper = keeper(&path);
    assert_eq!(keeper.write(&batch(0, 0..5), &[], at(0)), Kept::Yes);
    assert_eq!(kept(&path), ids(0, 0..5));
    let ArchiveState::Working(working) = keeper.state() else { panic!("{:?}", keeper.state()) };
    assert_eq!(working.set_aside.len(), 1);
    assert_eq!(std::fs::read(&working.set_aside[0]).unwrap(), garbage, "nothing is deleted");
}

#[test]
fn a_damaged_archive_is_set_aside_and_a_new_one_takes_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    assert_eq!(keeper(&path).write(&batch(0, 0..2000), &[], at(0)), Kept::Yes);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096..].fill(0xA5);
    std::fs::write(&path, &bytes).unwrap();
    let mut keeper = keeper(&path);
    assert_eq!(keeper.write(&batch(1, 0..5), &[], at(1)), Kept::Yes);
    assert_eq!(kept(&path), ids(1, 0..5));
    let ArchiveState::Working(working) = keeper.state() else { panic!("{:?}", keeper.state()) };
    assert_eq!(std::fs::read(&working.set_aside[0]).unwrap(), bytes);
}

#[test]
fn a_deleted_archive_begins_anew_with_the_batch_at_hand() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let mut keeper = keeper(&path);
    assert_eq!(keeper.write(&batch(0, 0..5), &[], at(0)), Kept::Yes);
    for file in [path.clone(), beside(&path, "-wal"), beside(&path, "-shm")] {
        std::fs::remove_file(file).unwrap();
    }
    assert_eq!(keeper.write(&batch(1, 0..5), &[], at(1)), Kept::Yes);
    assert_eq!((fault(&keeper), kept(&path)), (None, ids(1, 0..5)));
}

#[test]
fn a_replaced_archive_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let mut keeper = keeper(&path);
    assert_eq!(keeper.write(&batch(0, 0..5), &[], at(0)), Kept::Yes);
    std::fs::rename(&path, folder.path().join("moved.db")).unwrap();
    std::fs::rename(beside(&path, "-wal"), folder.path().join("moved.db-wal")).unwrap();
    assert_eq!(keeper.write(&batch(1, 0..5), &[], at(1)), Kept::Yes);
    assert_eq!(kept(&path), ids(1, 0..5));
}

#[test]
fn another_programs_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch("create table theirs (x); insert into theirs values (1)")
        .unwrap();
    let mut keeper = keeper(&path);
    assert_eq!(keeper.write(&batch(0, 0..5), &[], at(0)), Kept::NotYet);
    assert_eq!(fault(&keeper), Some(Fault::Foreign));
    let theirs: i64 =
        Connection::open(&path).unwrap().query_row("select x from theirs", [], |row| row.get(0)).unwrap();
    assert_eq!(theirs, 1);
    assert!(Reader::open(&path).is_err());
}

#[test]
fn an_unreachable_place_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("data");
    std::fs::write(&blocked, "a file where a folder should be").unwrap();
    let path = blocked.join("events.db");
    let mut keeper = keeper(&path);
    for (now, ready) in [(0, 1), (1, 3), (3, 7)] {
        assert_eq!(keeper.write(&batch(0, 0..5), &[], at(now)), Kept::NotYet);
        assert_eq!(fault(&keeper), Some(Fault::Unreachable));
        assert!(!keeper.is_ready(at(ready - 1)) && keeper.is_ready(at(ready)), "{ready}");
    }
    std::fs::remove_file(&blocked).unwrap();
    assert_eq!(keeper.write(&batch(0, 0..5), &[], at(7)), Kept::Yes);
    assert_eq!(fault(&keeper), None);
}

#[test]
fn what_is_too_old_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let mut keeper = keeper(&path);
    let hour = 3600;
    keeper.write(&batch(0, 0..7000), &[], at(0));
    keeper.write(&batch(23 * hour, 0..10), &[], at(23 * hour));
    for _ in 0..3 {
        keeper.look_after(at(24 * hour + 1));
    }
    assert_eq!(kept(&path), ids(23 * hour, 0..10));
    let ArchiveState::Working(working) = keeper.state() else { panic!("{:?}", keeper.state()) };
    assert_eq!(working.oldest, Some(at(23 * hour)));
}

#[test]
fn a_file_past_its_size_loses_its_oldest_events_and_shrinks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let size = 2 << 20;
    let mut keeper = keeper(&path);
    for secs in 0..10 {
        keeper.write(&batch(secs, 0..500), &[], at(secs));
    }
    keeper.reconfigure(ArchiveConfig { size: Some(size), ..keeper.config.clone() });
    for _ in 0..30 {
        keeper.look_after(at(20));
    }
    let ArchiveState::Working(working) = keeper.state() else { panic!("{:?}", keeper.state()) };
    assert!(working.bytes <= size && working.bytes > size / 2, "{working:?}");
    let left = kept(&path);
    assert!(left.len() > 500 && left.contains(&id(9, 499)) && !left.contains(&id(0, 0)));
    drop(keeper);
    assert!(std::fs::metadata(&path).unwrap().len() < 2 * size);
}
