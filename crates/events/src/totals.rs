//! Totals: what happened, by site, operation, verdict and status class, and who called.

mod lines;

pub use lines::{CallerLine, OperationLine, StatusClass, Top, per_second};
