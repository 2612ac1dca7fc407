//! The one trait every kind of shared state is reached through.
//!
//! Invariant: [`Store::apply`] never blocks a thread; a backend that must wait answers with a future. It does
//! not know what to do when a backend fails: that is a policy value.

use std::pin::Pin;
use std::sync::Arc;

use portcullis_model::counter::{Answers, Batch, StoreFailure};
use portcullis_model::{Ban, BanKey, BanView, Timestamp};

/// Shared state: the node's own memory, or a server that several nodes share.
pub trait Store: Send + Sync {
    /// Carries out every operation of a batch and answers each, in order.
    fn apply<'a>(&'a self, batch: &'a Batch) -> Reply<'a>;

    /// Sets a ban. Of two bans for the same key and site the one that ends later holds.
    fn ban(&self, ban: Ban);

    /// Lifts the ban of a key at a site (or the one for every site), because a person says it was wrong: the rule or
    /// limit that set it does not set it again for a day. Whether there was one.
    fn unban(&self, key: &BanKey, site: Option<&str>, now: Timestamp) -> bool;

    /// Every ban in force at `now`, the newest first.
    fn bans(&self, now: Timestamp) -> Vec<Ban>;

    /// The view the engine looks bans up in, from memory and without waiting.
    fn ban_view(&self) -> Arc<dyn BanView + Send + Sync>;
}

/// The answer to a batch: there at once, or once a future is done.
#[expect(clippy::large_enum_variant, reason = "the large one is the common one, and moved once")]
pub enum Reply<'a> {
    /// There already; no task, no allocation.
    Ready(Result<Answers, StoreFailure>),
    /// Being asked for elsewhere.
    Waiting(Pin<Box<dyn Future<Output = Result<Answers, StoreFailure>> + Send + 'a>>),
}

impl Reply<'_> {
    /// The answers, waiting where that is needed.
    pub async fn answers(self) -> Result<Answers, StoreFailure> {
        match self {
            Self::Ready(answers) => answers,
            Self::Waiting(answers) => answers.await,
        }
    }
}

impl std::fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ready(answers) => f.debug_tuple("Ready").field(answers).finish(),
            Self::Waiting(_) => f.write_str("Waiting"),
        }
    }
}
