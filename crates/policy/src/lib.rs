//! Marked configuration to a checked, immutable policy, or every problem with its place.
