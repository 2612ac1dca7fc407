//! Counting different values.
