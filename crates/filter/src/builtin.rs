//! Our own rule pack: detectors and patterns, each with an id, a class, a level, a description, a fix and tests.
