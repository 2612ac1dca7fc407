//! The keys of counters: keyed hashes, so the store learns nothing of callers.
//!
//! Invariant: no two different lists of values give the same bytes. What is absent is a value of its own where the
//! limit says so, and otherwise leaves the exchange uncounted.

use std::net::IpAddr;

use portcullis_expr::{Facts as _, Value};
use portcullis_model::counter::CounterKey;
use portcullis_model::{CallerKey, OperationId};
use portcullis_policy::Missing;
use smallvec::SmallVec;

use crate::facts::View;
use crate::scope::{Limit, Part};
use crate::tags;

type Bytes = SmallVec<[u8; 192]>;

/// Whether a part of a key was there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Present,
    Absent,
    /// It must not be counted without.
    Needed,
}

/// The key of a limit's counter; none where the exchange is not counted.
pub(super) fn counter(view: &View<'_>, limit: &Limit) -> Option<CounterKey> {
    let mut bytes = Bytes::from_slice(&limit.root);
    for part in limit.key.iter() {
        match write_part(view, part, &mut bytes) {
            Found::Present => {}
            Found::Absent if limit.missing == Missing::Shared => {}
            Found::Absent | Found::Needed => return None,
        }
    }
    Some(view.snapshot.node().counter(&bytes))
}

/// A keyed hash of what an exchange is balanced by; none where a part of it is missing.
pub(crate) fn balancing(view: &View<'_>, parts: &[Part]) -> Option<u64> {
    let mut bytes = Bytes::from_slice(b"balance\0");
    let whole = parts.iter().all(|part| write_part(view, part, &mut bytes) == Found::Present);
    whole.then(|| view.snapshot.node().counter(&bytes).0 as u64)
}

/// A keyed hash of the value that a limit counts the different ones of; none without a value.
pub(super) fn value(view: &View<'_>, of: &Part) -> Option<u64> {
    let mut bytes = Bytes::from_slice(b"value\0");
    let found = write_part(view, of, &mut bytes) == Found::Present;
    found.then(|| view.snapshot.node().counter(&bytes).0 as u64)
}

fn write_part(view: &View<'_>, part: &Part, bytes: &mut Bytes) -> Found {
    let state = view.state;
    match part {
        Part::Caller => write_caller(&state.caller, bytes),
        Part::Address => write_caller(&CallerKey::address(state.client), bytes),
        Part::Network(v4, v6) => write_network(state.client, *v4, *v6, bytes),
        Part::Identity => match &state.caller {
            CallerKey::Identity(_) => write_caller(&state.caller, bytes),
            CallerKey::Address(_) => return Found::Needed,
        },
        Part::Host => return write_text(Some(&state.normal.host), bytes),
        Part::Method => return write_text(Some(state.head.method.as_str()), bytes),
        Part::Path => return write_text(Some(state.normal.path()), bytes),
        // Its id: a learned operation may get another name as more is learned.
        Part::Operation => {
            let id = tags::operation_id(view);
            return write_text(id.as_ref().map(OperationId::as_str), bytes);
        }
        Part::Plain(var) => return write_value(&view.value(*var), bytes),
        Part::Named(var, path) => return write_value(&view.member(*var, path), bytes),
        Part::Tags(prefix) => return write_tags(view, prefix, bytes),
    }
    Found::Present
}

fn write_caller(caller: &CallerKey, bytes: &mut Bytes) {
    match caller {
        CallerKey::Identity(name) => {
            bytes.push(2);
            write_text(Some(&name.provider), bytes);
            write_text(Some(&name.subject), bytes);
        }
        CallerKey::Address(ip) => write_address(*ip, bytes),
    }
}

fn write_address(ip: IpAddr, bytes: &mut Bytes) {
    match ip {
        IpAddr::V4(ip) => {
            bytes.push(4);
            bytes.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            bytes.push(6);
            bytes.extend_from_slice(&ip.octets());
        }
    }
}

fn write_network(ip: IpAddr, v4: u8, v6: u8, bytes: &mut Bytes) {
    let ip = match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let kept = u32::MAX.checked_shl(u32::from(32 - v4.min(32))).unwrap_or(0);
            IpAddr::V4((u32::from(ip) & kept).into())
        }
        IpAddr::V6(ip) => {
            let kept = u128::MAX.checked_shl(u32::from(128 - v6.min(128))).unwrap_or(0);
            IpAddr::V6((u128::from(ip) & kept).into())
        }
    };
    write_address(ip, bytes);
}

fn write_tags(view: &View<'_>, prefix: &str, bytes: &mut Bytes) -> Found {
    let mut found = Found::Absent;
    tags::each_with(view, prefix, &mut |value| {
        found = Found::Present;
        write_text(Some(value), bytes);
    });
    if found == Found::Absent {
        write_text(None, bytes);
    }
    found
}

/// Numbers count as the texts they are written as: whether an id stands in quotes evades nothing.
fn write_value(value: &Value<'_>, bytes: &mut Bytes) -> Found {
    match value {
        Value::Null => return write_text(None, bytes),
        Value::Str(text) => return write_text(Some(text), bytes),
        Value::Many(texts) => texts.iter().for_each(|text| {
            write_text(Some(text), bytes);
        }),
        Value::Strings(texts) => texts.iter().for_each(|text| {
            write_text(Some(text), bytes);
        }),
        Value::Several(values) | Value::List(values) => {
            for value in values {
                write_value(value, bytes);
            }
        }
        Value::Bool(value) => return write_text(Some(if *value { "true" } else { "false" }), bytes),
        Value::Int(number) => return write_text(Some(&number.to_string()), bytes),
        Value::Float(number) => return write_text(Some(&number.to_string()), bytes),
        Value::Ip(ip) => write_address(*ip, bytes),
        Value::Time(_) | Value::Span(_) | Value::Object => bytes.push(3),
    }
    Found::Present
}

/// Length first, so that no two keys run together; an absent text differs from an empty one.
fn write_text(text: Option<&str>, bytes: &mut Bytes) -> Found {
    let Some(text) = text else {
        bytes.push(0);
        return Found::Absent;
    };
    bytes.push(1);
    bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    Found::Present
}
