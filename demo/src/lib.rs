//! A small telecom customer API, and the traffic that meets it.
//!
//! The API is real: it keeps customers, plans, usage, invoices and SIM cards in memory, signs tokens and checks
//! them. Its contract (`openapi.yaml`) leaves some of its live paths out, as contracts do. The traffic plays
//! customers, a partner and a curious stranger. Deliberately absent: any knowledge of the gateway between them.

pub mod api;
pub mod traffic;
mod world;
