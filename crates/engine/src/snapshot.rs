//! A compiled policy: immutable, shared by every exchange that began under it.

use std::sync::Arc;

use portcullis_model::BanView;

use crate::arrival::Arrival;
use crate::exchange::Exchange;
use crate::step::Step;

/// A compiled policy.
pub struct Snapshot {}

impl Snapshot {
    /// Begins an exchange.
    pub fn begin(self: &Arc<Self>, arrival: Arrival, bans: &dyn BanView) -> Step {
        Exchange::begin(Arc::clone(self), arrival, bans)
    }

    pub(crate) fn site_name(&self) -> Option<&str> {
        None
    }
}
