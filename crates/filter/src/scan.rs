//! Which rules could match a value at all: one pass over it, for all of them.
