//! A bare hyper reverse proxy and the load around it: the control of `cargo xtask bench proxy`.
fn main() {}
