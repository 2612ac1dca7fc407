//! Chores of the repository: demo, test, ci, bench, tidy.
fn main() {}
