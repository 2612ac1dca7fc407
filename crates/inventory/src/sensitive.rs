//! Which fields of an operation carry sensitive data: of which class, how sure that is, and how often it was met.
//!
//! Invariant: sums and maxima of answered exchanges over at most [`FIELDS`] fields, the first by place and name; so the
//! order of traffic does not matter. Names of fields, never values. How values are told apart is not known here.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_model::data_class::{Confidence, DataClass, DataPlace, FieldData};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Fields and classes kept of one path.
const FIELDS: usize = 64;

/// A class in a field: where, its name, the class.
pub type Spotted = (DataPlace, SmolStr, DataClass);

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sensitive(BTreeMap<Spotted, Met>);

/// How a class was met in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    /// In how many exchanges.
    pub exchanges: u64,
    /// How sure it is, at the surest.
    pub confidence: Confidence,
}

impl Sensitive {
    /// What one exchange carried.
    pub(crate) fn of(data: &[FieldData]) -> Self {
        let mut sensitive = Self::default();
        for field in data {
            let met = Met { exchanges: 1, confidence: field.confidence };
            let known = sensitive.0.entry((field.place, field.field.clone(), field.class)).or_insert(met);
            known.confidence = known.confidence.max(field.confidence);
        }
        sensitive.cut();
        sensitive
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (spotted, met) in &other.0 {
            let empty = Met { exchanges: 0, confidence: Confidence::Named };
            let known = self.0.entry(spotted.clone()).or_insert(empty);
            known.exchanges += met.exchanges;
            known.confidence = known.confidence.max(met.confidence);
        }
        self.cut();
    }

    /// What is first by place and name stays, whichever came first in time.
    fn cut(&mut self) {
        while self.0.len() > FIELDS {
            self.0.pop_last();
        }
    }

    /// Every field by place, name and class.
    pub fn fields(&self) -> impl Iterator<Item = (&Spotted, &Met)> {
        self.0.iter()
    }

    /// The classes that more than a field's name speaks for.
    pub fn classes(&self) -> BTreeSet<DataClass> {
        self.told(|_| true)
    }

    /// Those of them that answers carry.
    pub fn answered(&self) -> BTreeSet<DataClass> {
        self.told(|place| place == DataPlace::ResponseBody)
    }

    /// Those of them that stand in queries.
    pub fn asked_in_query(&self) -> BTreeSet<DataClass> {
        self.told(|place| place == DataPlace::Query)
    }

    fn told(&self, wanted: impl Fn(DataPlace) -> bool) -> BTreeSet<DataClass> {
        let told = self.0.iter().filter(|(_, met)| met.confidence > Confidence::Named);
        told.filter(|((place, ..), _)| wanted(*place)).map(|((.., class), _)| *class).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, class: DataClass, confidence: Confidence) -> FieldData {
        FieldData { place: DataPlace::ResponseBody, field: name.into(), class, confidence, count: 3 }
    }

    #[test]
    fn exchanges_add_up_and_the_surest_stands_in_any_order() {
        let one = Sensitive::of(&[field("mail", DataClass::Email, Confidence::Named)]);
        let two = Sensitive::of(&[
            field("mail", DataClass::Email, Confidence::Sure),
            field("pin", DataClass::Secret, Confidence::Named),
        ]);
        let (mut a, mut b) = (one.clone(), two.clone());
        a.merge(&two);
        b.merge(&one);
        assert_eq!(a, b);
        assert_eq!(a.classes(), BTreeSet::from([DataClass::Email]));
        let met: Vec<u64> = a.fields().map(|(_, met)| met.exchanges).collect();
        assert_eq!(met, [2, 1]);
    }

    #[test]
    fn the_first_by_name_stay_whatever_came_first() {
        let fields: Vec<Sensitive> = (0..200)
            .map(|at| Sensitive::of(&[field(&format!("f{at:03}"), DataClass::Phone, Confidence::Sure)]))
            .collect();
        let folded = |order: &mut dyn Iterator<Item = &Sensitive>| {
            order.fold(Sensitive::default(), |mut all, one| {
                all.merge(one);
                all
            })
        };
        let forth = folded(&mut fields.iter());
        assert_eq!(forth, folded(&mut fields.iter().rev()));
        assert_eq!(forth.fields().count(), FIELDS);
    }
}
