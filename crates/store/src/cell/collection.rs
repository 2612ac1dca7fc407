//! A persistent collection: named values, each with a time of its own.
//!
//! Bounded: past [`FIELDS`] fields, or [`VALUE_BYTES`] bytes in a name or value, a change is not carried out and
//! answers with no field.

use std::time::Duration;

use portcullis_model::counter::{Answer, MapChange};
use smol_str::{SmolStr, ToSmolStr};

use super::instant::Instant;

/// How many fields one collection can have.
const FIELDS: usize = 256;
/// How long a field's name or value can be.
const VALUE_BYTES: usize = 4096;

/// Fields in the order they were first set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collection {
    fields: Vec<Field>,
}

#[derive(Clone, Debug)]
struct Field {
    name: SmolStr,
    value: SmolStr,
    until: Instant,
}

impl Collection {
    pub(super) fn change(&mut self, now: Instant, change: &MapChange) -> Answer {
        self.fields.retain(|field| now < field.until);
        match change {
            MapChange::Read => Answer::Map(self.fields.iter().map(Field::pair).collect()),
            MapChange::Set { field, value, ttl } => {
                one(self.set(field, value.clone(), ttl.map_or(Instant::NEVER, |ttl| now.plus(ttl))))
            }
            MapChange::Add { field, by, ttl } => one(self.add(now, field, *by, *ttl)),
            MapChange::Expire { field, ttl } => one(self.field(field).map(|held| {
                held.until = now.plus(*ttl);
                &*held
            })),
            MapChange::Remove { field } => {
                self.fields.retain(|held| held.name != *field);
                one(None)
            }
        }
    }

    fn field(&mut self, name: &str) -> Option<&mut Field> {
        self.fields.iter_mut().find(|field| field.name == name)
    }

    fn set(&mut self, name: &SmolStr, value: SmolStr, until: Instant) -> Option<&Field> {
        if name.len() > VALUE_BYTES || value.len() > VALUE_BYTES {
            return None;
        }
        let place = self.fields.iter().position(|field| field.name == *name);
        if place.is_none() && self.fields.len() >= FIELDS {
            return None;
        }
        let place = place.unwrap_or_else(|| {
            self.fields.push(Field { name: name.clone(), value: SmolStr::default(), until });
            self.fields.len() - 1
        });
        let field = self.fields.get_mut(place)?;
        (field.value, field.until) = (value, until);
        Some(field)
    }

    /// Adds to a number; what is no number counts as 0.
    fn add(&mut self, now: Instant, name: &SmolStr, by: i64, ttl: Option<Duration>) -> Option<&Field> {
        let (before, until) = match self.field(name) {
            Some(field) => (field.value.parse().unwrap_or(0_i64), field.until),
            None => (0, Instant::NEVER),
        };
        let until = ttl.map_or(until, |ttl| now.plus(ttl));
        self.set(name, before.saturating_add(by).to_smolstr(), until)
    }

    pub(super) fn ends(&self) -> Instant {
        self.fields.iter().map(|field| field.until).max().unwrap_or(Instant::PAST)
    }

    pub(super) fn weight(&self) -> usize {
        let texts: usize = self.fields.iter().map(|field| field.name.len() + field.value.len()).sum();
        size_of::<Self>() + self.fields.capacity() * size_of::<Field>() + texts
    }
}

impl Field {
    fn pair(&self) -> (SmolStr, SmolStr) {
        (self.name.clone(), self.value.clone())
    }
}

fn one(field: Option<&Field>) -> Answer {
    Answer::Map(field.map(Field::pair).into_iter().collect())
}
