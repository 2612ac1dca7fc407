//! Who may call: what a caller must have shown, and what must hold of it.
//!
//! Invariant: a list of providers is short for a requirement with nothing else in it.

use portcullis_document::{Node, Place};
use smol_str::SmolStr;

use crate::condition::Condition;
use crate::decode::{Decode, Reading, section};
use crate::site::ProviderName;
use crate::table::{Kind, Word};

/// Who may call.
#[derive(Clone, Debug)]
pub enum Require {
    /// Anybody.
    None,
    /// Whom the contract's `security` names, through `contract.schemes`; undeclared operations take anybody proved.
    Contract(Place),
    /// Whoever meets this.
    Callers(Box<Requirement>),
}

section! {
    /// What a caller must have shown. One of its identities must meet all of it.
    pub struct Requirement as "requirement" {
        /// Which identity providers count; without it, all of the site's.
        providers: Vec<ProviderName> = "[]",
        /// Groups it must be in: one of these.
        groups: Vec<SmolStr> = "[]",
        /// OAuth scopes it must have: all of these.
        scopes: Vec<SmolStr> = "[]",
        /// What must hold of the exchange besides: `identity.subject == params.customerId`.
        when: Option<Condition>,
    }
}

impl Require {
    /// The condition it names.
    pub fn when(&self) -> Option<&Condition> {
        match self {
            Self::Callers(requirement) => requirement.when.as_ref(),
            Self::None | Self::Contract(_) => None,
        }
    }
}

impl Decode for Require {
    const KIND: Kind = Kind::Either(&[
        Kind::Words(&[
            Word { word: "none", about: &["Anybody."] },
            Word {
                word: "contract",
                about: &["Whom the contract's `security` names, through `contract.schemes`."],
            },
        ]),
        <Vec<ProviderName> as Decode>::KIND,
        <Requirement as Decode>::KIND,
    ]);

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let requirement = match node.as_str() {
            Some("none") => return Some(Self::None),
            Some("contract") => return Some(Self::Contract(node.place.clone())),
            _ if node.entries().is_some() => Requirement::decode(node, None, reading)?,
            _ => Requirement {
                providers: Vec::decode(node, None, reading)?,
                groups: Vec::new(),
                scopes: Vec::new(),
                when: None,
                place: node.place.clone(),
            },
        };
        Some(Self::Callers(Box::new(requirement)))
    }
}
