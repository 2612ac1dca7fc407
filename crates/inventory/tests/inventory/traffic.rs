//! Traffic of a shop for the tests, and what is learned from it.

use portcullis_inventory::{Fold, Inventory, Limits};
use portcullis_model::call::{Call, CallOutcome, MadeCall, Protocol};
use portcullis_model::data_class::{Confidence, DataClass, DataPlace, FieldData};
use portcullis_model::observation::{
    BodyShape, Credential, Identifier, Magnitude, Observation, Segment, SegmentKind, Shape,
};
use portcullis_model::{EventId, Proof, Timestamp};
use portcullis_wire::segments::{classify, split_format};
use smol_str::SmolStr;

pub(crate) const KEY: u64 = 11;
fn segment(text: &str) -> Segment {
    let (value, format) = split_format(text);
    let hash =
        value.bytes().fold(7_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    Segment { kind: classify(value), hash, word: Some(value.into()), format: format.map(SmolStr::new) }
}

pub(crate) fn observation(
    method: &str,
    path: &str,
    status: u16,
    fields: &[&str],
    second: i64,
) -> Observation {
    let answer =
        fields.iter().map(|name| (SmolStr::new(name), Shape::Integer(Magnitude::of(second)))).collect();
    let json = SmolStr::new("application/json");
    Observation {
        id: EventId::new(Timestamp::from_secs(second), 1),
        time: Timestamp::from_secs(second),
        site: "shop".into(),
        weight: 1,
        host: "api.shop.example".into(),
        operation: None,
        method: method.into(),
        segments: path.trim_start_matches('/').split('/').map(segment).collect(),
        query: vec![("sort".into(), sort(second))],
        headers: vec!["x-trace".into(), "accept".into()],
        cookies: Vec::new(),
        credentials: if second % 3 == 0 { vec![Credential::Scheme("bearer".into())] } else { Vec::new() },
        proof: (second % 6 == 0).then_some(Proof::Jwt),
        calls: calls(second, fields),
        speaking: None,
        versions: Vec::new(),
        request_body: None,
        status,
        response_type: Some(json.clone()),
        response_body: Some(BodyShape { media_type: json, shape: Shape::Object(answer) }),
        identifiers: vec![Identifier { field: "id".into(), hash: second.unsigned_abs() % 300 }],
        data: data(second),
        farewell: None,
        caller: second.unsigned_abs() % 5,
        request_bytes: 0,
        response_bytes: 10,
        duration_us: 10,
    }
}

/// A call by name in every seventh second, a few names in turn; every third of them fails.
fn calls(second: i64, fields: &[&str]) -> Vec<MadeCall> {
    if second % 7 == 0 {
        let outcome = if second % 3 == 0 { CallOutcome::Failed } else { CallOutcome::Answered };
        vec![made(&format!("method.{}", (second / 7) % 40), outcome, fields)]
    } else {
        Vec::new()
    }
}

/// A call of JSON-RPC that is answered with some fields.
pub(crate) fn made(name: &str, outcome: CallOutcome, fields: &[&str]) -> MadeCall {
    let answer = fields.iter().map(|name| (SmolStr::new(name), Shape::Null)).collect();
    MadeCall {
        call: Call { protocol: Protocol::JsonRpc, name: name.into() },
        client_name: Some(name.into()),
        types: vec!["Order".into()],
        outcome,
        arguments: Some(Shape::Integer(Magnitude::of(7))),
        answer: (outcome == CallOutcome::Answered).then_some(Shape::Object(answer)),
    }
}

/// Telephone numbers in the answers of every fifth second, in a field of its own or one that others have.
fn data(second: i64) -> Vec<FieldData> {
    let field = FieldData {
        place: DataPlace::ResponseBody,
        field: format!("contact{}.phone", second % 2).into(),
        class: DataClass::Phone,
        confidence: if second % 3 == 0 { Confidence::Sure } else { Confidence::Named },
        count: 1,
    };
    if second % 5 == 0 { vec![field] } else { Vec::new() }
}

/// Sometimes a few words, sometimes too many.
fn sort(second: i64) -> Shape {
    let word = format!("by-{}", second % if second % 2 == 0 { 4 } else { 20 });
    Shape::String { length: 4, kind: SegmentKind::Word, word: Some(word.into()) }
}

pub(crate) fn fold_within<'a>(
    limits: Limits,
    observations: impl IntoIterator<Item = &'a Observation>,
) -> Fold {
    let mut fold = Fold::new("shop", KEY, limits);
    for observation in observations {
        fold.fold(observation);
    }
    fold
}

pub(crate) fn fold<'a>(observations: impl IntoIterator<Item = &'a Observation>) -> Fold {
    fold_within(Limits::default(), observations)
}

/// The paths of what was found.
pub(crate) fn found(fold: &Fold) -> Vec<String> {
    let inventory = Inventory::of(fold, None);
    inventory.operations.iter().map(|known| format!("{} {}", known.method, known.path)).collect()
}
