//! Hostile bytes to meaning, once, under budgets.
