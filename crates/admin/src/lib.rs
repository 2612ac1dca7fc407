//! The control socket: HTTP over a Unix socket that the live commands speak to.
//!
//! Invariants: only the socket's owner can connect; answers are the types events, bans and figures are kept in.
//! Deliberately absent: the gateway and the policy's files; what is asked of them goes through [`Operator`], which the
//! application implements.

pub mod api;
pub mod client;
mod desk;
mod router;
mod socket;

pub use desk::{Desk, Operator};
pub use router::{explained, router};
pub use socket::{ControlSocket, SocketError};
