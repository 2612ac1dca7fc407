//! The upstream's response: its head, how its body is handled, and a held body judged and masked.

use bytes::{Bytes, BytesMut};
use portcullis_model::{Action, Reason, ResponseHead, Stage};
use portcullis_policy::{FieldPath, FieldStep, OverLimit, RuleAction};
use portcullis_wire::body::{Format, Kind, Tree, Value};
use portcullis_wire::fields::MediaType;
use smol_str::SmolStr;

use crate::arrival::{Held, HeldBody};
use crate::deliver::ResponseMode;
use crate::observe::calls::is_grpc;
use crate::scope::Turn;
use crate::snapshot::Snapshot;
use crate::state::{Answer, State, Tee};

use super::body::{Parsed, is_budget, note_defects, read};
use super::{contract, filter};

/// How much of a response learning looks at.
const TEE: usize = 64 * 1024;

/// What a masked value is replaced with: in JSON a string, whatever it was.
const MASK: &[u8] = b"***";
const JSON_MASK: &[u8] = b"\"***\"";

/// How the body goes on, once the head was judged.
pub(crate) fn plan(snapshot: &Snapshot, state: &mut State) -> ResponseMode {
    let scope = snapshot.scope(state.place);
    let Some(head) = &state.response else { return ResponseMode::Pass };
    if !has_body(head, &state.head.method) {
        return ResponseMode::Pass;
    }
    if !reads_body(snapshot, state) {
        return plan_tee(state);
    }
    match kind_of(head) {
        BodyKind::Readable => {
            let bounds = scope.response_body.bounds;
            ResponseMode::Hold { limit: bounds.limit, deadline: bounds.deadline }
        }
        BodyKind::Stream => {
            state.uninspected("response_body", "streaming");
            ResponseMode::Pass
        }
        BodyKind::Other => {
            state.uninspected("response_body", "content_type");
            ResponseMode::Pass
        }
    }
}

/// Whether a rule reads the body, or wants some of it masked.
pub(crate) fn reads_body(snapshot: &Snapshot, state: &State) -> bool {
    let scope = snapshot.scope(state.place);
    !state.masking.is_empty()
        || scope.reads_response
        || filter::reads_response(scope, state)
        || contract::answer::reads_body(snapshot, state)
}

fn plan_tee(state: &mut State) -> ResponseMode {
    let wanted = |head: &ResponseHead| {
        let media_type = || head.headers.get("content-type").and_then(MediaType::parse);
        kind_of(head) == BodyKind::Readable || media_type().is_some_and(|known| is_grpc(&known))
    };
    if !(state.sampled.is_some() && state.response.as_ref().is_some_and(wanted)) {
        return ResponseMode::Pass;
    }
    state.tee = Some(Tee { bytes: BytesMut::new(), whole: Bytes::new(), limit: TEE, cut: false });
    ResponseMode::Tee { limit: TEE as u64 }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyKind {
    /// A tree can be made of it.
    Readable,
    /// It is a conversation.
    Stream,
    /// Pictures and the like.
    Other,
}

fn kind_of(head: &ResponseHead) -> BodyKind {
    let Some(media_type) = head.headers.get("content-type").and_then(MediaType::parse) else {
        return BodyKind::Other;
    };
    let essence = media_type.essence();
    if essence == "text/event-stream" || essence.starts_with("application/grpc") || essence.contains("ndjson")
    {
        BodyKind::Stream
    } else if media_type.is_json()
        || media_type.is_form()
        || media_type.is_multipart()
        || media_type.is_text()
    {
        BodyKind::Readable
    } else {
        BodyKind::Other
    }
}

/// RFC 9110 §6.4.1.
pub(super) fn has_body(head: &ResponseHead, method: &http::Method) -> bool {
    let tunnel =
        head.status == 101 || (*method == http::Method::CONNECT && (200..300).contains(&head.status));
    *method != http::Method::HEAD && !tunnel && head.status >= 200 && !matches!(head.status, 204 | 205 | 304)
}

/// Takes what was held of the response; what is missing is refused or noted as policy says.
pub(crate) fn take(snapshot: &Snapshot, state: &mut State, held: &HeldBody) {
    let scope = snapshot.scope(state.place);
    // The filter alone looks at what is there; it is no reason to withhold a long answer.
    let by_contract = contract::answer::must_read(snapshot, state);
    let by_rules = scope.reads_response || !state.masking.is_empty() || by_contract;
    let over_limit = if by_rules { scope.response_body.over_limit } else { OverLimit::InspectPart };
    match (&held.outcome, over_limit) {
        (Held::Complete, _) => {}
        (Held::Broken(defect), _) => return refuse(state, SmolStr::new_static(defect.code()), 502),
        (Held::Lost | Held::Stalled, _) => return refuse(state, SmolStr::new_static("upstream.reset"), 502),
        (Held::OverLimit, OverLimit::Refuse) => {
            return refuse(state, SmolStr::new_static("response.over_limit"), 502);
        }
        (Held::Deadline, OverLimit::Refuse) => {
            return refuse(state, SmolStr::new_static("response.deadline"), 504);
        }
        (Held::OverLimit, OverLimit::InspectPart) => state.uninspected("response_body", "over_limit"),
        (Held::Deadline, OverLimit::InspectPart) => state.uninspected("response_body", "deadline"),
    }
    let Some(head) = &state.response else { return };
    match read(&head.headers, held, &scope.response_body) {
        Ok(parsed) => {
            note_defects(state, "response_body", held, &parsed.body.defects);
            if parsed.body.defects.iter().copied().any(is_budget) && over_limit == OverLimit::Refuse {
                refuse(state, SmolStr::new_static("response.budget"), 502);
            }
            state.response_body = Some(Box::new(parsed));
        }
        Err(why) => match over_limit {
            OverLimit::Refuse => refuse(state, SmolStr::new_static("response.content_coding"), 502),
            OverLimit::InspectPart => state.uninspected("response_body", why),
        },
    }
}

fn refuse(state: &mut State, code: SmolStr, status: u16) {
    let reason = Reason::new(Stage::Response, code, Action::Block);
    state.decide_always(reason, Answer::status(status));
}

/// Spans of a body, and what is to stand there instead.
type Edits = Vec<(std::ops::Range<usize>, &'static [u8])>;

/// The body with the fields masked that rules named and without what the contract cuts, content codings off; none where
/// nothing had to change. A body that should be masked and cannot be read as a whole must not leave.
pub(crate) fn rewrite(
    snapshot: &Snapshot,
    state: &mut State,
    held: &HeldBody,
    cuts: Vec<std::ops::Range<usize>>,
) -> Option<Bytes> {
    let mut edits: Edits = cuts.into_iter().map(|span| (span, &b""[..])).collect();
    if !state.masking.is_empty() {
        edits.extend(masks(snapshot, state, held)?);
    }
    splice(&state.response_body.as_deref()?.bytes, edits)
}

fn masks(snapshot: &Snapshot, state: &mut State, held: &HeldBody) -> Option<Edits> {
    let whole = held.outcome == Held::Complete;
    let readable = |parsed: &&Parsed| whole && parsed.body.defects.is_empty();
    let Some(parsed) = state.response_body.as_deref().filter(readable) else {
        refuse(state, SmolStr::new_static("response.cannot_mask"), 502);
        return None;
    };
    let rules = Turn::ALL.iter().flat_map(|turn| snapshot.scope(state.place).rules.at(*turn));
    let mut spans = Vec::new();
    for rule in rules.filter(|rule| state.masking.contains(&rule.name)) {
        if let Some(RuleAction::Mask(paths)) = &rule.action {
            for path in paths {
                find_all(&parsed.body.tree, path, &mut spans);
            }
        }
    }
    let mask = if parsed.body.format == Format::Json { JSON_MASK } else { MASK };
    Some(spans.into_iter().map(|span| (span, mask)).collect())
}

fn find_all(tree: &Tree, path: &FieldPath, spans: &mut Vec<std::ops::Range<usize>>) {
    let mut at: Vec<Value<'_>> = tree.root().into_iter().collect();
    for step in path.steps() {
        at = at.into_iter().flat_map(|value| step_down(value, step)).collect();
    }
    at.iter().filter(|value| value.kind() != Kind::Null).for_each(|value| cover(*value, spans));
}

/// The bytes to mask: of an XML element its texts and attributes, so that its tags stay.
fn cover(value: Value<'_>, spans: &mut Vec<std::ops::Range<usize>>) {
    if value.kind() == Kind::Element {
        value.children().for_each(|child| cover(child, spans));
    } else {
        spans.push(value.span());
    }
}

fn step_down<'a>(value: Value<'a>, step: &FieldStep) -> Vec<Value<'a>> {
    match step {
        FieldStep::Key(key) => value.children().filter(|child| child.name() == Some(key.as_str())).collect(),
        FieldStep::Each if value.kind() == Kind::Array => value.children().collect(),
        FieldStep::Each => Vec::new(),
        FieldStep::Index(index) => value.children().nth(*index).into_iter().collect(),
    }
}

/// Replaces every span; spans inside others go with them.
fn splice(bytes: &Bytes, mut edits: Edits) -> Option<Bytes> {
    edits.sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for (span, instead) in edits {
        if span.start >= at && !span.is_empty() {
            out.extend_from_slice(bytes.get(at..span.start)?);
            out.extend_from_slice(instead);
            at = span.end;
        }
    }
    if at == 0 {
        return None;
    }
    out.extend_from_slice(bytes.get(at..)?);
    Some(Bytes::from(out))
}
