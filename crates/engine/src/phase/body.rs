//! The request's body: whether to hold it, and what it holds.

use std::time::Duration;

use bytes::Bytes;
use portcullis_model::{Action, Reason, Stage, Version};
use portcullis_policy::{FilterOverLimit, OverLimit};
use portcullis_wire::Defect;
use portcullis_wire::body::{self, Body, Budget, Format};
use portcullis_wire::content::{self, DecodeLimits};
use portcullis_wire::fields::MediaType;
use smol_str::SmolStr;

use crate::arrival::{BodyHint, Held, HeldBody, HoldBounds};
use crate::scope::{Hold, Reading, Scope, Turn};
use crate::snapshot::Snapshot;
use crate::state::{Answer, State};

use super::head::refuse_defects;
use super::{contract, filter};

/// A body that was read.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// Content codings off.
    pub(crate) bytes: Bytes,
    /// Without parameters, lower case; empty where none was given.
    pub(crate) media_type: SmolStr,
    pub(crate) body: Body,
}

/// How much of a body is held for learning alone, and how long it is waited for: bodies that come at once, in effect.
const LOOK: u64 = 64 * 1024;
const LOOK_DEADLINE: Duration = Duration::from_millis(100);

/// How long the messages of a gRPC call are waited for. A call with one request ends its side at once; nothing tells it
/// from a stream beforehand, and a stream must not be kept from beginning.
const CALL: Duration = Duration::from_millis(100);

/// How much of the body must be held before the verdict; none where nothing asks for it, or where it is a
/// conversation in a format that is not read, which is judged by its head.
pub(crate) fn plan(snapshot: &Snapshot, state: &mut State) -> Option<HoldBounds> {
    if state.hint == BodyHint::None {
        return None;
    }
    let scope = snapshot.scope(state.place);
    if !is_judged(snapshot, scope, state) {
        return is_looked_at(state).then_some(HoldBounds { limit: LOOK, deadline: LOOK_DEADLINE });
    }
    let bounds = scope.body.bounds;
    if is_signed(state) {
        return Some(bounds);
    }
    match conversation(state) {
        Conversation::None => Some(bounds),
        Conversation::Readable => Some(HoldBounds { deadline: bounds.deadline.min(CALL), ..bounds }),
        Conversation::Opaque => {
            state.uninspected("request_body", "streaming");
            None
        }
    }
}

/// Whether the verdict depends on the body.
fn is_judged(snapshot: &Snapshot, scope: &Scope, state: &State) -> bool {
    read_by_rules(scope)
        || contract::reads_body(snapshot, state)
        || filter::reads_request(scope, state)
        || is_signed(state)
}

/// Whether somebody signed for it.
fn is_signed(state: &State) -> bool {
    state.signed.iter().any(|signed| signed.digest.is_some())
}

/// Whether learning looks at the body, where nobody else does: at a short one that has fields and does not wait for leave.
fn is_looked_at(state: &State) -> bool {
    let is_short = matches!(state.hint, BodyHint::Length(length) if length <= LOOK);
    let waits = state.head.headers.get("expect").is_some();
    state.sampled.is_some() && is_short && !waits && is_fields(state)
}

fn read_by_rules(scope: &Scope) -> bool {
    !scope.rules.at(Turn::RequestBody).is_empty() || !scope.limits.at(Turn::RequestBody).is_empty()
}

/// What becomes of a body that cannot be held and read as a whole: the filter alone minds less where uploads go. A rule
/// over what the filter found says nothing of the body itself, so the filter's value holds for it, too.
fn over_limit(snapshot: &Snapshot, scope: &Scope, state: &State) -> OverLimit {
    let others = scope.reads_request || contract::reads_body(snapshot, state);
    let filter = scope.filter.as_deref().filter(|_| !others);
    match filter.map(|filter| filter.over_limit) {
        None => scope.body.over_limit,
        Some(FilterOverLimit::Refuse) => OverLimit::Refuse,
        Some(FilterOverLimit::RefuseFields) if is_fields(state) => OverLimit::Refuse,
        Some(FilterOverLimit::RefuseFields | FilterOverLimit::InspectPart) => OverLimit::InspectPart,
    }
}

/// Whether it says it is JSON, a form or XML.
fn is_fields(state: &State) -> bool {
    let declared = state.head.headers.all("content-type").filter_map(MediaType::parse);
    declared.into_iter().any(|media_type| {
        media_type.is_json() || media_type.is_form() || media_type.essence().ends_with("xml")
    })
}

/// Whether a body may be one side of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conversation {
    None,
    /// Its messages can be read.
    Readable,
    Opaque,
}

/// gRPC runs over HTTP/2 alone; elsewhere its media type is only a claim, and must not keep a body from being read.
fn conversation(state: &State) -> Conversation {
    let media_type = state.head.headers.get("content-type").unwrap_or_default();
    if state.head.version != Version::Http2 || !media_type.starts_with(b"application/grpc") {
        return Conversation::None;
    }
    match MediaType::parse(media_type) {
        Some(media_type) if media_type.is_grpc() => Conversation::Readable,
        _ => Conversation::Opaque,
    }
}

/// Takes what was held; what is missing is refused or noted as policy says, a defective framing always refused.
pub(crate) fn take(snapshot: &Snapshot, state: &mut State, held: &HeldBody) {
    let scope = snapshot.scope(state.place);
    if !is_judged(snapshot, scope, state) {
        return look(state, held, &scope.body);
    }
    // What was not seen whole cannot be held against what was signed.
    let over_limit = if is_signed(state) { OverLimit::Refuse } else { over_limit(snapshot, scope, state) };
    match &held.outcome {
        Held::Complete => {
            if state
                .signed
                .iter()
                .filter_map(|signed| signed.digest.as_ref())
                .any(|it| !it.is_of(&held.bytes))
            {
                return refuse(state, "body.digest", 400);
            }
        }
        Held::Broken(defect) => return refuse_defects(state, &[*defect]),
        Held::Lost => return refuse(state, "body.short", 400),
        Held::Stalled => return refuse(state, "body.stalled", 408),
        // A stream: what it began with is looked at, the rest is not.
        Held::Deadline if conversation(state) == Conversation::Readable => {
            state.uninspected("request_body", "streaming");
        }
        Held::OverLimit | Held::Deadline => {
            let over = held.outcome == Held::OverLimit;
            match (over_limit, over) {
                (OverLimit::Refuse, true) => return refuse(state, "body.over_limit", 413),
                (OverLimit::Refuse, false) => return refuse(state, "body.deadline", 408),
                (OverLimit::InspectPart, true) => state.uninspected("request_body", "over_limit"),
                (OverLimit::InspectPart, false) => state.uninspected("request_body", "deadline"),
            }
        }
    }
    let parsed = read(&state.head.headers, held, &scope.body);
    match parsed {
        Ok(parsed) => {
            note_defects(state, "request_body", held, &parsed.body.defects);
            if parsed.body.defects.contains(&Defect::BodyEncoding) && parsed.body.format == Format::Protobuf {
                // A compressed message of gRPC.
                state.uninspected("request_body", "content_coding");
            }
            if parsed.body.defects.iter().copied().any(is_budget) && over_limit == OverLimit::Refuse {
                refuse(state, "body.budget", 413);
            }
            if matches!(parsed.body.format, Format::Text | Format::Binary) && scope.reads_request {
                state.uninspected("request_body", "content_type");
            }
            state.body = Some(Box::new(parsed));
        }
        // A server that ignores the coding would read what nobody here could.
        Err(why) => match over_limit {
            OverLimit::Refuse => refuse(state, "body.content_coding", 415),
            OverLimit::InspectPart => state.uninspected("request_body", why),
        },
    }
}

/// Takes what was held for learning alone: whatever it says, it goes on. Only what never ends as it should is refused,
/// as it would be on its way.
fn look(state: &mut State, held: &HeldBody, hold: &Hold) {
    match &held.outcome {
        Held::Complete => state.looked = read(&state.head.headers, held, hold).ok().map(Box::new),
        Held::Broken(defect) => refuse_defects(state, &[*defect]),
        Held::Lost => refuse(state, "body.short", 400),
        Held::Stalled => refuse(state, "body.stalled", 408),
        Held::OverLimit | Held::Deadline => {}
    }
}

fn refuse(state: &mut State, code: &'static str, status: u16) {
    let reason = Reason::new(Stage::Body, SmolStr::new_static(code), Action::Block);
    state.decide_always(reason, Answer::status(status).closing());
}

/// Undoes the content codings and parses; the word for the event where that cannot be done.
pub(crate) fn read(
    headers: &portcullis_model::Headers,
    held: &HeldBody,
    hold: &Hold,
) -> Result<Parsed, &'static str> {
    let codings = content::codings(headers).map_err(|_| "content_coding")?;
    let Reading { depth, values, value_bytes, ratio, growth } = hold.reading;
    let limit = usize::try_from(hold.bounds.limit).unwrap_or(usize::MAX);
    let output_bytes = limit.saturating_mul(usize::from(growth));
    let decoded = content::decode(&held.bytes, &codings, &DecodeLimits { output_bytes, ratio });
    let beyond = decoded.defects.iter().copied().find(|defect| is_budget(*defect));
    if decoded.defects.iter().any(|defect| !is_cut(*defect, &held.outcome) && !is_budget(*defect)) {
        return Err("content_coding");
    }
    let budget = Budget { bytes: output_bytes, depth, values, value_bytes };
    let mut body = body::parse_as_declared(&decoded.bytes, headers, &budget);
    if !body.format.has_fields()
        && let Some(json) = undeclared_json(&decoded.bytes, &budget)
    {
        let declared = std::mem::replace(&mut body, json).defects;
        body.defects.extend(declared);
    }
    if let Some(beyond) = beyond {
        // That a part breaks off says nothing.
        body.defects.retain(|defect| *defect != Defect::BodySyntax);
        body.defects.push(beyond);
    }
    let media_type = headers.get("content-type").and_then(MediaType::parse_beginning);
    let media_type = media_type.map(|media_type| SmolStr::new(media_type.essence())).unwrap_or_default();
    Ok(Parsed { bytes: decoded.bytes, media_type, body })
}

/// JSON that says it is something without fields, or says nothing: many servers read it as JSON all the same.
fn undeclared_json(bytes: &Bytes, budget: &Budget) -> Option<Body> {
    let begins = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let json = MediaType::parse(b"application/json").filter(|_| matches!(begins, Some(b'{' | b'[')))?;
    let body = body::parse(bytes, Some(&json), budget);
    (!body.defects.contains(&Defect::BodySyntax)).then_some(body)
}

/// A part of a coded body ends too early, of course.
fn is_cut(defect: Defect, outcome: &Held) -> bool {
    defect == Defect::TruncatedCoding && *outcome != Held::Complete
}

/// A body that does not follow its syntax is worth a look: servers may read it in their own way.
///
/// The syntax of a part says nothing.
pub(crate) fn note_defects(state: &mut State, what: &'static str, held: &HeldBody, defects: &[Defect]) {
    for defect in defects.iter().filter(|_| held.outcome == Held::Complete) {
        let reason = Reason::new(Stage::Body, SmolStr::new_static(defect.code()), Action::Monitor);
        state.note(reason.detail(SmolStr::new_static(defect.describe())));
        if is_budget(*defect) {
            state.uninspected(what, "budget");
        }
    }
}

/// Whether more was to be read than may be.
pub(crate) const fn is_budget(defect: Defect) -> bool {
    use Defect::{
        BodyTooDeep, BodyTooLarge, BodyTooManyValues, BodyValueTooLong, DecodedRatio, DecodedTooLarge,
    };
    matches!(
        defect,
        BodyTooDeep | BodyTooLarge | BodyTooManyValues | BodyValueTooLong | DecodedRatio | DecodedTooLarge
    )
}
