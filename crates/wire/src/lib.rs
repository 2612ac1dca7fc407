//! Hostile bytes to meaning, once, under budgets.

pub mod defect;

pub use defect::{Defect, Defects};
