//! Sensitive data: which class a value belongs to, by what it is and by how its field is called.
//!
//! Invariants: one pass over a value, linear in its length, at most [`LONGEST`] bytes of it; nothing is kept of a value;
//! numbers that name things (ids, times, prices, versions) are no phones and no cards. Deliberately absent: what a
//! class leads to (policy, engine), bodies' syntax (`wire`).

mod card;
mod classes;
mod email;
mod found;
mod iban;
mod name;
mod number;
mod phone;
mod scan;
mod secret;
#[cfg(test)]
mod tests;

pub use classes::Classes;
pub use found::Found;
pub use name::Hint;
pub use scan::{LONGEST, Written, classify};
