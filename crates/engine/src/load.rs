//! What an exchange is worth when not all can be carried.
//!
//! Deliberately absent: how much can be carried, which the host finds out.

use portcullis_model::CallerKey;
use portcullis_model::event::Standing;

use crate::exchange::Exchange;
use crate::forward::Destination;

/// Who is given up first: the least of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worth {
    /// An unknown caller of an operation the contract does not declare.
    Stranger,
    /// An unknown caller, or a known one of an operation the contract does not declare.
    Unknown,
    /// A known caller.
    Known,
}

/// Why an exchange is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shed {
    /// The upstream has as much to do as it can.
    Full,
    /// The same, and this caller has more of it than its share.
    Caller,
    /// The gateway has no more memory.
    Memory,
}

/// What an exchange would be to its upstream.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    /// The site's place in the policy's list of sites.
    pub site: usize,
    /// Which of the site's upstreams it goes to.
    pub destination: Destination,
    /// What it is worth.
    pub worth: Worth,
    /// Who calls.
    pub caller: &'a CallerKey,
    /// The normal form of its path.
    pub path: &'a str,
}

impl Exchange {
    /// What it would be to its upstream; `None` for what never reaches one.
    pub(crate) fn load(&self) -> Option<Load<'_>> {
        let state = &self.state;
        let site = state.place.filter(|_| !state.solving)?.site;
        let prefix = self.site().and_then(|site| site.upstreams.prefix(state.prefix?));
        let undeclared = state.standing() == Some(Standing::Shadow);
        Some(Load {
            site,
            destination: prefix.map_or(Destination::Own, |prefix| Destination::ByPath(prefix.upstream)),
            worth: match (state.identity.is_some(), undeclared) {
                (false, true) => Worth::Stranger,
                (true, false) => Worth::Known,
                _ => Worth::Unknown,
            },
            caller: &state.caller,
            path: state.target().split('?').next().unwrap_or_default(),
        })
    }
}
