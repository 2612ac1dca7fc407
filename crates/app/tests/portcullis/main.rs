//! The binary through its front door: started as a process, spoken to over sockets, its files broken under it.

mod cli;
mod documents;
mod faults;
mod generated;
mod harness;
mod live;
mod reload;
