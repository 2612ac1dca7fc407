//! Hostile bytes to meaning, once, under budgets.
//!
//! Invariants: nothing here panics on any input; work is linear in the bytes given and memory is bounded by the
//! limits passed in; a parser returns what it read *and* the [`Defect`]s it met. Deliberately absent: any
//! decision about what a defect leads to, and any socket, file or clock.

pub mod body;
pub mod content;
pub mod defect;
pub mod fields;
pub mod framing;
mod grammar;
pub mod normalise;
pub mod segments;

pub use body::{Body, Budget, Tree};
pub use content::Coding;
pub use defect::{Defect, Defects};
pub use framing::{
    AnswerRecord, Asked, BodyLength, Fed, FramingLimits, HeadRecord, RequestFollower, ResponseFollower, What,
};
pub use normalise::{EncodedSlash, Normal, NormalTarget, Query, normalise};
