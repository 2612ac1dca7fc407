//! The phases of an exchange, one concept a file; the machine in [`crate::exchange`] runs them in order.

pub(crate) mod authorise;
pub(crate) mod bans;
pub(crate) mod body;
pub(crate) mod challenge;
pub(crate) mod contract;
pub(crate) mod filter;
pub(crate) mod head;
pub(crate) mod limits;
pub(crate) mod login;
pub(crate) mod operation;
pub(crate) mod response;
pub(crate) mod rules;
pub(crate) mod upstream;
