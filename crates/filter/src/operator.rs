//! Operators: what a rule asks of one value, compiled.
