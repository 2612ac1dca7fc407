//! Values of other types than their document declares.
//!
//! Invariants: what a document leaves open differs from nothing; a text stands for whatever it could be read as, so that
//! of a parameter or a form only what cannot be what was declared is told. Formats and bounds are not looked at.

use std::collections::BTreeMap;

use portcullis_contract::surface::Fields;
use portcullis_contract::{Operation as Declared, Types};
use portcullis_model::observation::SegmentKind;

use super::{DriftKind, Found, below};
use crate::cell::Cell;
use crate::schema::{Schema, Strings};

impl Found {
    /// Of parameters in the path and in the query.
    pub(super) fn parameter_types(&mut self, facts: &Cell, declared: &Declared) {
        let surface = &*declared.surface;
        for (at, name) in declared.template.whole_segments() {
            let (Some(parameter), Some(kinds)) = (surface.path.get(name), facts.kinds(at)) else { continue };
            self.other_text(&format!("path.{name}"), parameter.types, kinds, SHORTEST);
        }
        for (name, met) in &facts.query {
            if let Some(parameter) = surface.query.get(name) {
                self.other_strings(&format!("query.{name}"), parameter.types, &met.strings);
            }
        }
    }

    /// Of a body and all that is declared in it.
    pub(super) fn body_types(&mut self, place: &str, media_type: &str, met: &Schema, fields: &Fields) {
        let writing = if is_json(media_type) { Writing::Json } else { Writing::Text };
        self.values(place, "", met, fields, writing);
    }

    fn values(&mut self, place: &str, path: &str, met: &Schema, fields: &Fields, writing: Writing) {
        let (types, at) = (fields.types(path), below(place, path));
        match writing {
            Writing::Json => self.other_values(&at, types, met),
            Writing::Text => self.other_strings(&at, types, &met.strings),
        }
        for (name, field) in &met.fields {
            let inner = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
            if fields.named.contains(&inner) {
                self.values(place, &inner, field, fields, writing);
            }
        }
        if let Some(items) = &met.items {
            self.values(place, &format!("{path}[]"), items, fields, writing);
        }
    }

    fn other_values(&mut self, place: &str, declared: Types, met: &Schema) {
        let seen = [
            (Types::NULL, met.nulls),
            (Types::BOOLEAN, met.bools),
            (Types::INTEGER, met.integers),
            (Types::NUMBER, met.numbers),
            (Types::STRING, met.strings.count),
            (Types::ARRAY, met.arrays),
            (Types::OBJECT, met.objects),
        ];
        for (seen, count) in seen.into_iter().filter(|(seen, count)| *count > 0 && !declared.allow(*seen)) {
            self.add(DriftKind::OtherType, format!("{place} as {seen}"), count);
        }
    }

    fn other_strings(&mut self, place: &str, declared: Types, met: &Strings) {
        let shortest = met.lengths.map_or(SHORTEST, |(shortest, _)| shortest);
        self.other_text(place, declared, &met.kinds, shortest);
    }

    /// Of texts that look like this, the shortest of so many characters.
    fn other_text(
        &mut self,
        place: &str,
        declared: Types,
        kinds: &BTreeMap<SegmentKind, u64>,
        shortest: u32,
    ) {
        let others = kinds.iter().filter(|(kind, _)| !may_be(**kind, declared, shortest));
        let count: u64 = others.map(|(_, count)| count).sum();
        if count > 0 {
            self.add(DriftKind::OtherType, format!("{place} as {}", Types::STRING), count);
        }
    }
}

/// How values are written.
#[derive(Clone, Copy)]
enum Writing {
    /// With their types.
    Json,
    /// As text that may stand for any.
    Text,
}

/// The fewest characters a value in a path has.
const SHORTEST: u32 = 1;

/// Whether a text may stand for one of these; an empty one (a word) for all.
fn may_be(kind: SegmentKind, types: Types, shortest: u32) -> bool {
    let scalars = Types::BOOLEAN.or(Types::NUMBER).or(Types::NULL);
    if !scalars.allow(types) {
        return true;
    }
    match kind {
        // `true`, or nothing at all.
        SegmentKind::Word => types.allow(Types::BOOLEAN) || shortest == 0,
        // The second: signs, fractions, exponents.
        SegmentKind::Number | SegmentKind::Opaque => types.allow(Types::INTEGER),
        SegmentKind::Uuid | SegmentKind::Hash | SegmentKind::Date | SegmentKind::Email => false,
    }
}

fn is_json(media_type: &str) -> bool {
    media_type.ends_with("/json") || media_type.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_for_what_they_can_be_read_as() {
        use SegmentKind::{Date, Number, Opaque, Word};
        for (kind, types, may) in [
            (Number, Types::INTEGER, true),
            (Number, Types::BOOLEAN, false),
            (Word, Types::BOOLEAN, true),
            (Word, Types::NUMBER, false),
            (Word, Types::STRING, true),
            (Word, Types::ARRAY, true),
            (Word, Types::INTEGER.or(Types::STRING), true),
            (Opaque, Types::NUMBER, true),
            (Date, Types::INTEGER, false),
            (Date, Types::ANY, true),
        ] {
            assert_eq!(may_be(kind, types, 1), may, "{kind:?} as {types}");
        }
        assert!(may_be(Word, Types::INTEGER, 0), "an empty one is none");
    }
}
