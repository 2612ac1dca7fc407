//! Bodies as JSON Schema (draft 2020-12, as `OpenAPI` 3.1 uses it), and the answers of an operation.
//!
//! Invariant: a body that was folded in is valid against the schema written. Knows no paths.

use std::collections::BTreeMap;

use portcullis_model::observation::SegmentKind;
use serde_json::{Map, Value, json};

use crate::cell::Cell;
use crate::schema::{Schema, Strings};

/// The `responses` of an operation: what was answered, failures with their status alone.
pub(super) fn responses(facts: &Cell) -> Value {
    let mut by_status: BTreeMap<u16, Map<String, Value>> = BTreeMap::new();
    for status in facts.statuses.keys() {
        by_status.entry(*status).or_default();
    }
    for ((status, media_type), body) in facts.responses.iter().filter(|((_, name), _)| !name.is_empty()) {
        let content = json!({ "schema": schema(&body.schema) });
        by_status.entry(*status).or_default().insert(media_type.to_string(), content);
    }
    let described = by_status.into_iter().map(|(status, content)| {
        let mut response = Map::from_iter([("description".to_owned(), json!(format!("Status {status}")))]);
        if !content.is_empty() {
            response.insert("content".into(), content.into());
        }
        (status.to_string(), Value::Object(response))
    });
    described.collect::<Map<_, _>>().into()
}

/// The schema of what was met; `{}` where nothing was read.
pub(super) fn schema(met: &Schema) -> Value {
    let read =
        met.nulls + met.bools + met.integers + met.numbers + met.strings.count + met.arrays + met.objects;
    if read == 0 || read < met.count {
        return json!({});
    }
    let mut types = Vec::new();
    let mut schema = Map::new();
    let mut add = |name: &'static str, met: bool| types.extend(met.then_some(name));
    add("object", met.objects > 0);
    add("array", met.arrays > 0);
    add("string", met.strings.count > 0);
    add("number", met.numbers > 0);
    add("integer", met.integers > 0 && met.numbers == 0);
    add("boolean", met.bools > 0);
    add("null", met.nulls > 0);
    if met.objects > 0 {
        add_fields(&mut schema, met);
    }
    if let Some(items) = &met.items {
        schema.insert("items".into(), self::schema(items));
    }
    if let Some(format) = met.strings.kind().and_then(format) {
        schema.insert("format".into(), format.into());
    }
    if types == ["string"]
        && let Some(words) = met.strings.words.enumerated()
    {
        schema.insert("enum".into(), json!(words));
    }
    if types == ["integer"] {
        add_range(&mut schema, met);
    }
    let types = match types.as_slice() {
        [one] => json!(one),
        many => json!(many),
    };
    schema.insert("type".into(), types);
    schema.into()
}

/// How large integers are is known to the digit: enough for the format, and for whether there are negative ones.
fn add_range(schema: &mut Map<String, Value>, met: &Schema) {
    let Some((least, most)) = met.range.map(|(low, high)| (low.least(), high.greatest())) else { return };
    let is_small = |bound: Option<i64>| bound.is_some_and(|bound| i32::try_from(bound).is_ok());
    schema.insert("format".into(), if is_small(least) && is_small(most) { "int32" } else { "int64" }.into());
    if least.is_some_and(|least| least >= 0) {
        schema.insert("minimum".into(), 0.into());
    }
}

fn add_fields(schema: &mut Map<String, Value>, met: &Schema) {
    let fields = met.fields.iter().map(|(name, field)| (name.to_string(), self::schema(field)));
    schema.insert("properties".into(), fields.collect::<Map<_, _>>().into());
    // Seen once, everything would be required.
    let always = met.fields.iter().filter(|(_, field)| field.count >= met.objects && met.objects > 1);
    let required: Vec<&str> = always.map(|(name, _)| name.as_str()).collect();
    if !required.is_empty() {
        schema.insert("required".into(), required.into());
    }
}

/// A parameter's schema from what its texts look like.
pub(super) fn text_schema(met: &Strings) -> Value {
    match met.words.enumerated() {
        Some(words) => json!({ "type": "string", "enum": words }),
        None => met.kind().map_or_else(|| json!({ "type": "string" }), kind_schema),
    }
}

pub(super) fn kind_schema(kind: SegmentKind) -> Value {
    match (kind, format(kind)) {
        (SegmentKind::Number, _) => json!({ "type": "number" }),
        (_, Some(format)) => json!({ "type": "string", "format": format }),
        (_, None) => json!({ "type": "string" }),
    }
}

/// The registered format of a kind; dates may carry a time, so they have none.
fn format(kind: SegmentKind) -> Option<&'static str> {
    match kind {
        SegmentKind::Uuid => Some("uuid"),
        SegmentKind::Email => Some("email"),
        _ => None,
    }
}
