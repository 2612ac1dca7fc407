//! Conditions: CEL, parsed by a library, type-checked, compiled, evaluated.
