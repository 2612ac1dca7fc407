//! The observation of an exchange: shapes, counts and keyed hashes; no value ever.

use portcullis_model::Headers;
use portcullis_model::observation::{BodyShape, Observation, Segment, SegmentKind, Shape};
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
        let site = view.site().filter(|_| state.sampled)?;
        let outcome = state.outcome.as_ref()?;
        let node = self.snapshot.node();
        let declared = matches!(state.matched, Matched::Declared { .. });
        Some(Observation {
            time: state.began.wall,
            site: site.name.clone(),
            operation: if declared { tags::operation_id(&view) } else { None },
            method: SmolStr::new(state.head.method.as_str()),
            segments: state.normal.segments().take(MOST).map(|text| segment(&view, text)).collect(),
            query: state
                .normal
                .query()
                .pairs()
                .take(MOST)
                .map(|(name, value)| (SmolStr::new(name), text_shape(&value)))
                .collect(),
            headers: header_names(state),
            request_body: state.body.as_deref().map(body_shape),
            status: outcome.status,
            response_type: state.response.as_ref().and_then(|head| media_type(&head.headers)),
            response_body: state.response_body.as_deref().map(body_shape).or_else(|| teed_shape(state)),
            caller: node.pseudonym(state.caller.to_string().as_bytes()),
            known: state.identity.is_some(),
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

/// The shape of what passed by; a part of a body has none.
fn teed_shape(state: &State) -> Option<BodyShape> {
    let tee = state.tee.as_ref().filter(|tee| !tee.cut && !tee.bytes.is_empty())?;
    let head = state.response.as_ref()?;
    let held = HeldBody { bytes: tee.bytes.clone().into(), outcome: Held::Complete };
    let mut hold = Hold::default();
    hold.bounds.limit = tee.limit as u64;
    let parsed = read(&head.headers, &held, &hold).ok()?;
    Some(body_shape(&parsed))
}

fn text_shape(text: &str) -> Shape {
    Shape::String { length: text.chars().count() as u32, kind: classify(text) }
}
