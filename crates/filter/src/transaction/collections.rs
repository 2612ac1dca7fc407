//! Persistent collections of one transaction: what was read of them, and what the rules changed.
//!
//! A collection is opened under a key, read by the host, and written back as changes, never as a whole, so that
//! exchanges that run side by side do not undo each other. Invariant: a value set here is read back here before the
//! host has answered or written anything. Does not know the store.

use std::time::Duration;

use portcullis_model::counter::MapChange;
use smol_str::{SmolStr, ToSmolStr};

use crate::seclang::Collection;
use crate::transaction::slots::leading_number;
use crate::transaction::{CollectionKey, CollectionWrite, Fields};

/// The most fields kept of one collection, and the most changes to one.
const FIELDS: usize = 256;

/// The open collections of a transaction; almost always none.
#[derive(Debug, Default)]
pub(super) struct Collections {
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    collection: Collection,
    key: String,
    asked: Asked,
    fields: Fields,
    changes: Vec<MapChange>,
}

/// Whether the host was asked for a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    No,
    Yes,
    Answered,
}

impl Collections {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.open.clear();
    }

    /// Opens a collection; one that is open stays as it is.
    pub(super) fn open(&mut self, collection: Collection, key: String) {
        if self.find(collection).is_none() {
            self.open.push(Open {
                collection,
                key,
                asked: Asked::No,
                fields: Vec::new(),
                changes: Vec::new(),
            });
        }
    }

    /// Whether the host has to be asked for collections.
    pub(super) fn is_asking(&self) -> bool {
        self.open.iter().any(|open| open.asked == Asked::No)
    }

    /// The collections the host has not been asked for yet.
    pub(super) fn ask(&mut self) -> Vec<CollectionKey> {
        let unasked = self.open.iter_mut().filter(|open| open.asked == Asked::No);
        unasked
            .map(|open| {
                open.asked = Asked::Yes;
                open.name()
            })
            .collect()
    }

    /// Takes the host's answers to the last question, in its order; changes made since are made again on top.
    pub(super) fn answer(&mut self, answers: Vec<Fields>) {
        let asked = self.open.iter_mut().filter(|open| open.asked == Asked::Yes);
        let answers = answers.into_iter().chain(std::iter::repeat_with(Fields::new));
        for (open, mut fields) in asked.zip(answers) {
            open.asked = Asked::Answered;
            fields.truncate(FIELDS);
            open.fields = fields;
            for change in std::mem::take(&mut open.changes) {
                open.change(change);
            }
        }
    }

    /// A field.
    pub(super) fn get(&self, collection: Collection, name: &str) -> Option<&SmolStr> {
        let fields = &self.find(collection)?.fields;
        fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Every field.
    pub(super) fn fields(&self, collection: Collection) -> &[(SmolStr, SmolStr)] {
        self.find(collection).map_or(&[], |open| &open.fields)
    }

    /// Changes a field; of a collection that is not open, nothing.
    pub(super) fn change(&mut self, collection: Collection, change: MapChange) {
        if let Some(open) = self.open.iter_mut().find(|open| open.collection == collection) {
            open.change(change);
        }
    }

    /// What the host has to write, in order.
    pub(super) fn take_writes(&mut self) -> Vec<CollectionWrite> {
        let mut writes = Vec::new();
        for open in &mut self.open {
            let changes = std::mem::take(&mut open.changes).into_iter();
            writes.extend(changes.map(|change| CollectionWrite { key: open.name(), change }));
        }
        writes
    }

    fn find(&self, collection: Collection) -> Option<&Open> {
        self.open.iter().find(|open| open.collection == collection)
    }
}

impl Open {
    fn name(&self) -> CollectionKey {
        CollectionKey { collection: SmolStr::new_static(self.collection.name()), key: self.key.clone() }
    }

    fn change(&mut self, change: MapChange) {
        if self.changes.len() == FIELDS {
            return;
        }
        match &change {
            MapChange::Set { field, value, .. } => self.set(field, value.clone()),
            MapChange::Add { field, by, .. } => {
                let held = self.fields.iter().find(|(name, _)| name == field);
                let number = held.map_or(0, |(_, value)| leading_number(value.as_bytes()));
                self.set(field, number.saturating_add(*by).to_smolstr());
            }
            MapChange::Remove { field } => self.fields.retain(|(name, _)| name != field),
            MapChange::Expire { .. } | MapChange::Read => {}
        }
        self.changes.push(change);
    }

    fn set(&mut self, field: &SmolStr, value: SmolStr) {
        if let Some((_, held)) = self.fields.iter_mut().find(|(name, _)| name == field) {
            *held = value;
        } else if self.fields.len() < FIELDS {
            self.fields.push((field.clone(), value));
        }
    }
}

/// How long a field is kept that nothing expires.
pub(super) fn lifetime(seconds: u32) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_made_before_the_answer_came_are_made_on_top_of_it() {
        let mut collections = Collections::default();
        collections.open(Collection::Ip, "192.0.2.1".to_owned());
        let add = MapChange::Add { field: "hits".into(), by: 2, ttl: None };
        collections.change(Collection::Ip, add.clone());
        assert_eq!(collections.ask().len(), 1);
        collections.answer(vec![vec![("hits".into(), "40".into())]]);
        assert_eq!(collections.get(Collection::Ip, "HITS").map(SmolStr::as_str), Some("42"));
        let writes: Vec<_> = collections.take_writes().into_iter().map(|write| write.change).collect();
        assert_eq!(writes, [add]);
        assert!(collections.ask().is_empty());
    }
}
