//! Hostile bytes to meaning, once, under budgets.
//!
//! Invariants: nothing here panics on any input; work is linear in the bytes given and memory is bounded by the
//! limits passed in; a parser returns what it read *and* the [`Defect`]s it met. Deliberately absent: any
//! decision about what a defect leads to, and any socket, file or clock.
//!
//! What reading costs, in instructions (callgrind over `cargo bench -p portcullis-wire -- --test`, which noise on the
//! machine does not move): the head of a browser's GET with 15 fields 12 300, its normal form 2 800, one with escapes
//! and dot segments 5 400; a kilobyte of JSON with 89 values 37 000, 16 kilobytes with 1 409 values 570 000, four
//! kilobytes of a form with 163 escaped fields 140 000, a kilobyte of XML 58 000, one of multipart with 15 parts 70 000.
//! Ten thousand are about a microsecond at 3 GHz. Nothing is allocated for a value, but for a part of multipart.

pub mod body;
pub mod client_hello;
pub mod content;
pub mod defect;
pub mod fields;
pub mod framing;
mod grammar;
pub mod normalise;
pub mod proxy_protocol;
pub mod segments;
pub mod trace_context;
pub mod urlencoded;
pub mod words;

pub use body::{Body, Budget, Tree};
pub use content::Coding;
pub use defect::{Defect, Defects};
pub use framing::{
    AnswerRecord, Asked, BodyLength, Fed, FramingLimits, HeadRecord, RequestFollower, ResponseFollower, What,
};
pub use grammar::controls;
pub use normalise::{EncodedSlash, Normal, NormalTarget, Query, normalise};
