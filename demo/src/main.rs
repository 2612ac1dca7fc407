//! A small telecom customer API and the traffic that meets it.
fn main() {}
