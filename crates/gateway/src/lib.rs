//! Carry traffic to the engine and obey it.
//!
//! The downstream half accepts connections, lints every byte of HTTP/1 before hyper sees it and hands each
//! exchange to [`exchange::serve`]; the upstream half drives the engine through its asks and does what it says.
//!
//! Invariants: nothing reaches an upstream that the engine did not decide to forward; every exchange that began
//! ends, also when a side vanished; whatever a client can make grow has a bound. Deliberately absent: decisions
//! (the engine's), files (read through [`ports::ReadFile`]), the console (the app joins them).

mod activity;
mod announced;
mod aside;
mod body;
mod bounds;
mod challenges;
mod clock;
mod connection;
mod delays;
mod exchange;
mod forward;
mod gateway;
mod handed;
mod head;
mod introspection;
mod key_uses;
mod limits;
mod listen;
mod login;
mod metrics;
mod names;
mod node;
mod pace;
mod passwords;
mod places;
mod plan;
mod ports;
mod probe;
mod proofs;
mod refuse;
mod serve;
mod sniff;
mod tap;
mod through;
mod tls;
mod trace;
mod upgrade;
mod upstream;

pub use challenges::{Challenges, Proof};
pub use clock::Clock;
pub use gateway::{Gateway, Leaving, Lent, StartError, check_listener, check_upstream};
pub use handed::{Door, Handed, HandedSocket};
pub use key_uses::{KeyUses, LastUses};
pub use metrics::Metrics;
pub use ports::{Ports, ReadFile};
pub use tls::CertificateError;
pub use upstream::{PlanError, ServerStanding, ServerState, TlsPlanError};
