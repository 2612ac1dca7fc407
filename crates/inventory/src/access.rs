//! How callers of an operation said who they are: proved, merely shown, or not at all; when, and by which means.
//!
//! Invariant: sums, minima and maxima of answered exchanges. What follows for risk is decided elsewhere.

use std::collections::BTreeMap;

use portcullis_model::Proof;
use portcullis_model::observation::{Credential, Observation};
use serde::{Deserialize, Serialize};

use crate::cell::sum;
use crate::durable::is_default;
use crate::times::Times;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Access {
    /// Exchanges whose caller proved an identity to the gateway.
    #[serde(skip_serializing_if = "is_default")]
    pub proved: Times,
    /// Exchanges that showed a credential which the gateway did not look at.
    #[serde(skip_serializing_if = "is_default")]
    pub shown: Times,
    /// Exchanges without either.
    #[serde(skip_serializing_if = "is_default")]
    pub anonymous: Times,
    /// How identities were proved.
    #[serde(skip_serializing_if = "is_default")]
    pub proofs: BTreeMap<Proof, u64>,
    /// What was shown.
    #[serde(skip_serializing_if = "is_default")]
    pub credentials: BTreeMap<Credential, u64>,
}

/// Whether those who are answered say who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Posture {
    /// All do.
    Always,
    /// Some do.
    Sometimes,
    /// Nobody does.
    Never,
}

impl Posture {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Sometimes => "sometimes",
            Self::Never => "never",
        }
    }
}

impl Access {
    pub(crate) fn of(observation: &Observation) -> Self {
        let now = Times::at(observation.time);
        let mut access = Self::default();
        match observation.proof {
            Some(proof) => {
                access.proved = now;
                access.proofs.insert(proof, 1);
            }
            None if observation.credentials.is_empty() => access.anonymous = now,
            None => access.shown = now,
        }
        access.credentials = observation.credentials.iter().map(|shown| (shown.clone(), 1)).collect();
        access
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.proved.merge(other.proved);
        self.shown.merge(other.shown);
        self.anonymous.merge(other.anonymous);
        sum(&mut self.proofs, &other.proofs, |one, another| *one += another);
        sum(&mut self.credentials, &other.credentials, |one, another| *one += another);
    }

    /// Exchanges that said who they are, proved or not.
    pub fn named(&self) -> Times {
        let mut named = self.proved;
        named.merge(self.shown);
        named
    }

    /// Whether callers say who they are; none where nobody was answered.
    pub fn posture(&self) -> Option<Posture> {
        match (self.named().count, self.anonymous.count) {
            (0, 0) => None,
            (_, 0) => Some(Posture::Always),
            (0, _) => Some(Posture::Never),
            _ => Some(Posture::Sometimes),
        }
    }
}
