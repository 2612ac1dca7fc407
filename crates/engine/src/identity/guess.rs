//! What a credential that failed may have been: a guess, to be counted.
//!
//! Invariants: looked at only where a credential failed, at the end of the exchange; hashes are keyed. What a provider
//! once vouched for (an expired or revoked key, a token whose time is over) is no guess, nor is what nobody looked at. It
//! does not know how many are too many.

use portcullis_model::guess::{Guess, Tried};

use super::keys::KeyRefusal;
use super::signature::NOT_SIGNED;
use super::{FORGED, Failed, Method, Presented, Provider, Shown, WRONG};
use crate::arrival::BodyHint;
use crate::exchange::Exchange;
use crate::node_key::NodeKeys;

impl Exchange {
    /// The credential that failed, where it may have been guessed.
    pub(crate) fn guess(&self) -> Option<Guess> {
        let (snapshot, state) = (&self.snapshot, &self.state);
        let failed = state.failed.as_ref().filter(|failed| failed.is_guess())?;
        let site = snapshot.site(state.place?.site)?;
        let providers = &snapshot.scope(state.place).providers;
        let provider = providers.iter().find(|provider| provider.name == failed.provider)?;
        let presented = Presented {
            head: &state.head,
            has_body: state.hint != BodyHint::None,
            query: state.normal.query(),
            peer: &state.peer,
            proofs: &*state.proofs,
            replies: &state.replies,
            site: state.site_name(snapshot),
        };
        Some(Guess {
            id: state.id,
            time: state.began.wall,
            site: site.name.clone(),
            provider: failed.provider.clone(),
            caller: state.caller.clone(),
            tried: provider.tried(&presented, snapshot.node())?,
        })
    }
}

impl Failed {
    /// Whether it was never good, as far as anybody knows.
    fn is_guess(&self) -> bool {
        [WRONG, FORGED, NOT_SIGNED, KeyRefusal::Unknown.as_str()].contains(&self.why)
    }
}

impl Provider {
    /// What was shown to it, as keyed hashes.
    fn tried(&self, presented: &Presented<'_>, node: &NodeKeys) -> Option<Tried> {
        let text = self.place(presented)?.find(presented)?;
        let Method::Basic(passwords) = &self.method else {
            return Some(Tried::Text(node.pseudonym(text.as_bytes())));
        };
        let shown = Shown::parse(&text)?;
        Some(Tried::Account {
            account: node.pseudonym(shown.name.as_bytes()),
            known: passwords.accounts.knows(&shown.name).then(|| shown.name.clone()),
            password: shown.password_hash(node),
        })
    }
}
