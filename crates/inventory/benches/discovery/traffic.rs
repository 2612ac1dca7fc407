//! Traffic for a document: requests with values, answers shaped by its schemas, and the noise that comes with both.

use portcullis_model::observation::{BodyShape, Magnitude, Observation, Segment, SegmentKind, Shape};
use portcullis_model::{EventId, Timestamp};
use portcullis_wire::segments::{classify, split_format};
use serde_json::Value;
use smol_str::SmolStr;

use crate::document::{Declared, Document};
use crate::draw::Draw;
use crate::{told, values};

/// Optional fields and query parameters that are there, of a hundred.
const PRESENT: u64 = 70;
/// Nesting of bodies.
const DEPTH: u32 = 6;

/// An exchange and the operation it is of; none for noise.
pub(crate) struct Exchange {
    pub(crate) observation: Observation,
    pub(crate) truth: Option<usize>,
}

/// Whether bodies give the words that paths name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bodies {
    /// As fields that name things do.
    Tell,
    /// They hold nothing that recurs.
    Silent,
    /// Answers' bodies are not read at all.
    Unread,
}

/// So many requests for every operation, noise among them, in no order.
pub(crate) fn generate(document: &Document, each: usize, seed: u64, bodies: Bodies) -> Vec<Exchange> {
    let mut draw = Draw::named(seed, &document.name);
    let mut all = Vec::new();
    for (truth, declared) in document.operations.iter().enumerate() {
        for _ in 0..each {
            all.push(Exchange {
                observation: success(document, declared, &mut draw, bodies),
                truth: Some(truth),
            });
            if draw.percent(10) {
                all.push(Exchange { observation: noise(document, declared, &mut draw, bodies), truth: None });
            }
        }
    }
    for at in (1..all.len()).rev() {
        all.swap(at, draw.below(at + 1));
    }
    for (second, exchange) in (1_700_000_000..).zip(&mut all) {
        exchange.observation.time = Timestamp::from_secs(second);
    }
    all
}

fn success(document: &Document, declared: &Declared, draw: &mut Draw, bodies: Bodies) -> Observation {
    let mut given = Vec::new();
    let parts: Vec<Segment> = (declared.segments.iter())
        .map(|template| segment(&filled(document, declared, template, &mut given, draw)))
        .collect();
    let mut observation = exchange(&declared.method, parts, draw);
    if bodies == Bodies::Tell {
        // Drawn apart, so that the rest of the traffic is the same either way.
        let mut apart = Draw::named(draw.clone().next(), "told");
        observation.identifiers = told::identifiers(document, declared, &given, &mut apart);
    }
    observation.status = declared.status;
    let asked = declared.query.iter().filter(|(_, required)| *required || draw.percent(PRESENT / 2));
    let query: Vec<(SmolStr, Shape)> = asked
        .map(|(name, _)| {
            (SmolStr::new(name), Shape::String { length: 4, kind: SegmentKind::Word, word: None })
        })
        .collect();
    observation.query = query;
    let json = SmolStr::new("application/json");
    observation.request_body = declared
        .request
        .as_ref()
        .map(|schema| BodyShape { media_type: json, shape: shape(document, schema, draw, DEPTH) });
    observation.request_bytes = u64::from(observation.request_body.is_some());
    observation.response_type = (!declared.media_type.is_empty()).then(|| SmolStr::new(&declared.media_type));
    let is_read = declared.media_type.contains("json") && bodies != Bodies::Unread;
    observation.response_body = declared.response.as_ref().filter(|_| is_read).map(|schema| BodyShape {
        media_type: SmolStr::new(&declared.media_type),
        shape: shape(document, schema, draw, DEPTH),
    });
    observation
}

/// Guesses, failures, preflights and pages.
fn noise(document: &Document, declared: &Declared, draw: &mut Draw, bodies: Bodies) -> Observation {
    let guess = ["wp-login.php", ".env", "admin", "backup.zip", "phpinfo.php", "console", "actuator"];
    let mut observation = success(document, declared, draw, bodies);
    observation.response_body = None;
    match draw.below(5) {
        0 => {
            observation.segments = vec![segment(guess[draw.below(guess.len())])];
            observation.status = 404;
        }
        1 => observation.status = *draw.pick(&[400, 401, 403, 404, 409, 422, 429, 500, 503]),
        2 => observation.method = "OPTIONS".into(),
        3 => {
            let last = segment(&format!("{}-{}", draw.pick(&guess), draw.below(1000)));
            observation.segments.push(last);
            observation.status = 404;
        }
        _ => {
            observation.method = "GET".into();
            observation.segments = vec![segment("assets"), segment("app.js")];
            observation.response_type = Some("text/javascript".into());
            observation.status = 200;
        }
    }
    observation
}

/// A segment's template with values in it, which are noted by their parameters.
fn filled(
    document: &Document,
    declared: &Declared,
    template: &str,
    given: &mut Vec<(String, String)>,
    draw: &mut Draw,
) -> String {
    let mut pieces = template.split('{');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once('}').unwrap_or((piece, ""));
        let schema = declared.path_parameters.get(name).unwrap_or(&Value::Null);
        let value = values::value(&document.name, name, schema, draw);
        text += &value;
        given.push((name.to_owned(), value));
        text += rest;
    }
    text
}

fn segment(text: &str) -> Segment {
    let (value, format) = split_format(text);
    let kind = classify(value);
    let is_told = kind == SegmentKind::Word || (kind == SegmentKind::Number && value.len() <= 3);
    let hash = told::hash(value);
    Segment { kind, hash, word: is_told.then(|| SmolStr::new(value)), format: format.map(SmolStr::new) }
}

fn exchange(method: &str, segments: Vec<Segment>, draw: &mut Draw) -> Observation {
    Observation {
        id: EventId::new(Timestamp::from_secs(0), 0),
        time: Timestamp::from_secs(0),
        site: "bench".into(),
        weight: 1,
        host: "api.example.org".into(),
        operation: None,
        method: method.into(),
        segments,
        query: Vec::new(),
        headers: Vec::new(),
        cookies: Vec::new(),
        credentials: Vec::new(),
        proof: None,
        calls: Vec::new(),
        speaking: None,
        versions: Vec::new(),
        request_body: None,
        status: 200,
        response_type: None,
        response_body: None,
        identifiers: Vec::new(),
        data: Vec::new(),
        farewell: None,
        caller: draw.next() % 50,
        request_bytes: 0,
        response_bytes: 100,
        duration_us: 1000,
    }
}

/// A body that is valid against a schema, as its shape.
fn shape(document: &Document, schema: &Value, draw: &mut Draw, depth: u32) -> Shape {
    let schema = document.resolve(schema);
    if depth == 0 {
        return Shape::Object(Vec::new());
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(options) = schema[choice].as_array().filter(|options| !options.is_empty()) {
            let option = draw.pick(options).clone();
            return shape(document, &option, draw, depth);
        }
    }
    let mut fields = Vec::new();
    add_fields(document, schema, draw, depth, &mut fields);
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        _ if !fields.is_empty() => Shape::Object(fields),
        Some("array") => {
            let length = draw.below(4) as u32;
            let items = (0..length).map(|_| shape(document, &schema["items"], draw, depth - 1)).collect();
            Shape::Array { length, items }
        }
        Some("string") => {
            let kind = match schema["format"].as_str() {
                Some("uuid") => SegmentKind::Uuid,
                Some("date" | "date-time") => SegmentKind::Date,
                Some("email") => SegmentKind::Email,
                _ => *draw.pick(&[SegmentKind::Word, SegmentKind::Opaque]),
            };
            Shape::String { length: 1 + draw.below(30) as u32, kind, word: None }
        }
        Some("integer") => Shape::Integer(Magnitude::of((draw.next() % 1000).cast_signed())),
        Some("number") => Shape::Number,
        Some("boolean") => Shape::Bool,
        _ => Shape::Object(Vec::new()),
    }
}

fn add_fields(
    document: &Document,
    schema: &Value,
    draw: &mut Draw,
    depth: u32,
    fields: &mut Vec<(SmolStr, Shape)>,
) {
    for part in schema["allOf"].as_array().into_iter().flatten() {
        if depth > 1 {
            add_fields(document, document.resolve(part), draw, depth - 1, fields);
        }
    }
    let required = schema["required"].as_array();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let always = required.is_some_and(|names| names.iter().any(|one| one == name));
        if always || draw.percent(PRESENT) {
            fields.push((SmolStr::new(name), shape(document, field, draw, depth - 1)));
        }
    }
}
