//! The observation of an exchange: shapes, counts and keyed hashes.
//!
//! Invariant: no value, but for the words [`portcullis_wire::words`] lets pass; everything is bounded. What follows from
//! an observation is not known here.

pub(crate) mod calls;
mod credentials;
mod identifiers;
mod versions;

use portcullis_model::observation::{BodyShape, Farewell, Observation, Segment, SegmentKind, Shape};
use portcullis_model::{Headers, Timestamp};
use portcullis_wire::body::text_shape;
use portcullis_wire::fields::cookies;
use portcullis_wire::segments::{classify, split_format};
use smol_str::SmolStr;

use crate::arrival::{Held, HeldBody};
use crate::exchange::Exchange;
use crate::facts::View;
use crate::phase::body::{Parsed, read};
use crate::scope::Hold;
use crate::state::{Matched, State};
use crate::tags;

/// Path segments, query parameters and header names looked at.
const MOST: usize = 64;
/// A number no longer than this may be a version, `2` or `2.1`, and is told as it is written.
const VERSION_BYTES: usize = 3;

impl Exchange {
    /// What learning needs of it; none where it is not among those looked at or found no site.
    pub(crate) fn observation(&self) -> Option<Observation> {
        let (state, view) = (&self.state, View { snapshot: &self.snapshot, state: &self.state });
        let (site, weight) = view.site().zip(state.sampled)?;
        let outcome = state.outcome.as_ref()?;
        let node = self.snapshot.node();
        let declared = matches!(state.matched, Matched::Declared { .. });
        let answer = state.response_body.as_deref().or(state.teed.as_deref());
        Some(Observation {
            id: state.id,
            time: state.began.wall,
            site: site.name.clone(),
            weight,
            host: state.normal.host.clone(),
            operation: if declared { tags::operation_id(&view) } else { None },
            method: SmolStr::new(state.head.method.as_str()),
            segments: state.normal.segments().take(MOST).map(|text| segment(&view, text)).collect(),
            query: query_shapes(state),
            headers: header_names(state),
            cookies: cookies(&state.head.headers).take(MOST).map(|(name, _)| SmolStr::new(name)).collect(),
            credentials: credentials::shown(state),
            proof: state.identity.as_ref().map(|identity| identity.proof),
            calls: calls::made(state, answer),
            speaking: calls::speaking(state),
            versions: versions::named(state, node),
            request_body: state.sent().map(body_shape),
            status: outcome.status,
            response_type: state.response.as_ref().and_then(|head| media_type(&head.headers)),
            response_body: answer.map(body_shape),
            identifiers: identifiers::of(node, [state.sent(), answer]),
            data: state.sensitive.fields().to_vec(),
            farewell: state.response.as_ref().and_then(|head| farewell(&head.headers)),
            caller: node.pseudonym(state.caller.to_string().as_bytes()),
            request_bytes: outcome.request_bytes,
            response_bytes: outcome.response_bytes,
            duration_us: outcome.duration.as_micros() as u64,
        })
    }
}

fn segment(view: &View<'_>, text: &str) -> Segment {
    let (value, format) = split_format(text);
    let kind = classify(value);
    let is_told = kind == SegmentKind::Word || (kind == SegmentKind::Number && value.len() <= VERSION_BYTES);
    Segment {
        kind,
        hash: view.snapshot.node().pseudonym(value.as_bytes()),
        word: is_told.then(|| SmolStr::new(value)),
        format: format.map(SmolStr::new),
    }
}

fn header_names(state: &State) -> Vec<SmolStr> {
    let names = state.head.headers.iter().take(MOST);
    names.map(|field| SmolStr::new(String::from_utf8_lossy(field.name).to_ascii_lowercase())).collect()
}

fn media_type(headers: &Headers) -> Option<SmolStr> {
    let text = String::from_utf8_lossy(headers.get("content-type")?).to_ascii_lowercase();
    Some(SmolStr::new(text.split(';').next().unwrap_or_default().trim()))
}

fn body_shape(parsed: &Parsed) -> BodyShape {
    BodyShape { media_type: parsed.media_type.clone(), shape: parsed.body.tree.shape() }
}

/// What passed by, read; a part of a body is not.
pub(crate) fn teed(state: &State) -> Option<Parsed> {
    let tee = state.tee.as_ref().filter(|tee| !tee.cut && !tee.whole.is_empty())?;
    let head = state.response.as_ref()?;
    let held = HeldBody { bytes: tee.whole.clone(), outcome: Held::Complete };
    let mut hold = Hold::default();
    hold.bounds.limit = tee.limit as u64;
    read(&head.headers, &held, &hold).ok()
}

fn query_shapes(state: &State) -> Vec<(SmolStr, Shape)> {
    let pairs = state.normal.query().pairs().take(MOST);
    pairs.map(|(name, value)| (SmolStr::new(&name), text_shape(&name, &value))).collect()
}

/// What the answer says of the operation's end: a date, or a mere `true` as drafts had it.
fn farewell(headers: &Headers) -> Option<Farewell> {
    let deprecation = headers.text("deprecation").map(str::trim).filter(|text| *text != "false");
    let sunset = headers.text("sunset").and_then(|text| Timestamp::parse_http(text.trim()));
    let since = |text: &str| match text.strip_prefix('@') {
        Some(seconds) => seconds.parse().ok().map(Timestamp::from_secs),
        None => Timestamp::parse_http(text),
    };
    let farewell = Farewell { deprecated: deprecation.and_then(since), sunset };
    (deprecation.is_some() || sunset.is_some()).then_some(farewell)
}
