//! Marked trees of YAML and JSON, and problems that point into them.
