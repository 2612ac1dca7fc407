//! The cases every store must pass.
