//! Which operation a call is of: the contract's, or a group of calls that look alike.
//!
//! A group is an operation that was learned; where none was yet, its name replaces every path segment that names an
//! instance (a number, a UUID, a hash, …) by its kind, so that a stranger walking ids is one operation, not thousands.

use portcullis_contract::Found;
use portcullis_model::Timestamp;
use portcullis_model::event::Standing;
use portcullis_wire::segments::classify;
use smallvec::SmallVec;
use smol_str::{SmolStr, SmolStrBuilder};

use crate::site::Site;
use crate::snapshot::Snapshot;
use crate::state::{Matched, State};

/// Segments a group's name shows; a path with more shares one name for all that follows.
const MOST_SEGMENTS: usize = 24;

/// Matches the operation; a preflight's is that of the method it asks for (Fetch standard, CORS-preflight).
pub(crate) fn find(snapshot: &Snapshot, state: &mut State) {
    let Some(site) = state.place.and_then(|place| snapshot.site(place.site)) else { return };
    let asked = preflight_method(state);
    state.preflight = asked.is_some();
    let method = asked.as_ref().unwrap_or(&state.head.method);
    let segments: SmallVec<[&str; 12]> = state.normal.segments().collect();
    let matched = of_contract(site, method, &segments, state.began.wall);
    let frozen = match matched {
        Matched::Grouped { .. } => frozen(site, method, &segments),
        Matched::Declared { .. } | Matched::Nothing => None,
    };
    (state.matched, state.frozen) = (matched, frozen);
    state.sampled = sample(snapshot, state);
}

/// The operation frozen from traffic that a call is of, and its path parameters.
fn frozen(site: &Site, method: &http::Method, segments: &[&str]) -> Option<(usize, SmallVec<[SmolStr; 2]>)> {
    let frozen = site.frozen.as_ref()?;
    let Found::Operation(operation, params) = frozen.find(method, segments) else { return None };
    let index = frozen.operations().element_offset(operation)?;
    Some((index, params.iter().map(|(_, value)| SmolStr::new(value)).collect()))
}

fn of_contract(site: &Site, method: &http::Method, segments: &[&str], now: Timestamp) -> Matched {
    let Some(contract) = &site.contract else { return group(site, method, segments, None) };
    match contract.find(method, segments) {
        Found::Operation(operation, params) => {
            let index = contract.operations().element_offset(operation);
            let params = params.iter().map(|(_, value)| SmolStr::new(value)).collect();
            let current = operation.current(now);
            let standing = if current { Standing::Documented } else { Standing::Zombie };
            Matched::Declared { index: index.unwrap_or(usize::MAX), params, standing }
        }
        Found::OtherMethod(_) | Found::Nothing => match contract.retired(method, segments) {
            Some(retired) => Matched::Grouped {
                name: retired.name.clone(),
                id: Some(retired.id.clone()),
                standing: Some(Standing::Zombie),
            },
            None => group(site, method, segments, Some(Standing::Shadow)),
        },
    }
}

fn preflight_method(state: &State) -> Option<http::Method> {
    let headers = &state.head.headers;
    if state.head.method != http::Method::OPTIONS || headers.get("origin").is_none() {
        return None;
    }
    http::Method::from_bytes(headers.get("access-control-request-method")?).ok()
}

fn sample(snapshot: &Snapshot, state: &State) -> Option<u32> {
    let site = state.place.and_then(|place| snapshot.site(place.site));
    let site = site.filter(|_| snapshot.policy().inventory.is_some())?;
    match &state.matched {
        Matched::Nothing => None,
        Matched::Declared { index, .. } => site.learned.samples_declared(*index),
        Matched::Grouped { name, .. } => site.learned.samples_grouped(name),
    }
}

/// The operation learned for a call, else those that look like it.
fn group(site: &Site, method: &http::Method, segments: &[&str], standing: Option<Standing>) -> Matched {
    let learned = site.learned.operations.load();
    match learned.as_ref().and_then(|learned| learned.find(method, segments)) {
        Some(known) => Matched::Grouped { name: known.name.clone(), id: Some(known.id.clone()), standing },
        None => Matched::Grouped { name: look(method.as_str(), segments), id: None, standing },
    }
}

/// `GET /customers/{number}/notes`.
fn look(method: &str, segments: &[&str]) -> SmolStr {
    let mut name = SmolStrBuilder::new();
    name.push_str(method.get(..method.len().min(32)).unwrap_or("-"));
    name.push(' ');
    for segment in segments.iter().take(MOST_SEGMENTS) {
        name.push('/');
        name.push_str(classify(segment).placeholder().unwrap_or(segment));
    }
    if segments.len() > MOST_SEGMENTS {
        name.push_str("/…");
    }
    name.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_look_alike_share_a_name() {
        for (path, name) in [
            ("/", "GET /"),
            ("/export/customers/4711", "GET /export/customers/{number}"),
            ("/export/customers/4712", "GET /export/customers/{number}"),
            ("/v0/users/6f1ed002-ab5c-4d3e-9a1f-3b1c0a5d7e9f/", "GET /v0/users/{uuid}/"),
            ("/files/507f1f77bcf86cd799439011", "GET /files/{hash}"),
        ] {
            let segments: Vec<&str> = path.split('/').skip(1).collect();
            assert_eq!(look("GET", &segments), name, "{path}");
        }
        let deep = vec!["a"; 100];
        assert_eq!(look("GET", &deep).matches("/a").count(), MOST_SEGMENTS);
    }
}
