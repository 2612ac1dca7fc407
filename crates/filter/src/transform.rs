//! Transformations: what a value is turned into before an operator sees it.
