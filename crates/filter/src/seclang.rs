//! The SecLang language: files to a checked rule set, or every mistake with its place.
