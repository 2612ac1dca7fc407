//! Shared state: counters, distinct counts, nonces, recents, bans.
