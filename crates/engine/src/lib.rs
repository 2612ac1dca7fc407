//! Compile a policy; drive one exchange through its phases to a verdict, an event and an observation.
//!
//! The engine is pure: it yields asks ([`Step`], [`ResponseStep`], [`HeldStep`]), the host answers, and each ask owns
//! the continuation that only its answer can resume. Invariants: what was judged is what is forwarded; an exchange
//! always ends in one [`Finished`], also after a client vanished; nothing that leaves here in an event or an
//! observation is unredacted; no input panics. Deliberately absent: sockets, clocks, files, and where events go.

mod agent;
mod arrival;
mod calls;
#[cfg(feature = "cases")]
pub mod cases;
mod challenge;
mod client_ip;
mod compile;
mod deliver;
mod exchange;
mod facts;
mod filter;
mod finished;
mod forward;
mod geo;
mod header_edits;
mod hosts;
mod identity;
mod json;
pub mod lists;
mod load;
mod mend;
mod names;
mod node_key;
mod observe;
mod phase;
mod record;
mod redact;
mod refusal;
mod scope;
mod sending;
mod sensitive;
mod site;
mod snapshot;
mod state;
mod step;
mod tags;
mod trial;
mod upstreams;

pub use arrival::{Arrival, BodyHint, Held, HeldBody, HoldBounds};
pub use compile::{Compiled, compile, compile_after};
pub use deliver::{Deliver, HeldAsk, HeldStep, ResponseAsk, ResponseMode, ResponseStep};
pub use filter::Workspaces;
pub use finished::{EndFacts, Finished, ProgressFacts};
pub use forward::{Destination, Forward, RequestFailure, UpstreamFailure};
pub use header_edits::HeaderEdits;
pub use identity::{
    CodeCheck, CredentialCheck, CredentialReply, NoProofs, PasswordCheck, ProofKey, Proofs, Proven,
    TokenCheck, keys,
};
pub use load::{Load, Shed, Worth};
pub use names::{Named, Names};
pub use phase::bans::session_key;
pub use phase::challenge::without_pass;
pub use refusal::{ChallengePage, Connection, Prove, Refusal};
pub use sending::Sending;
pub use snapshot::{FilterSize, Snapshot};
pub use step::{CountersAsk, CredentialAsk, DelayAsk, Delayed, Refuse, RequestBodyAsk, Step};
