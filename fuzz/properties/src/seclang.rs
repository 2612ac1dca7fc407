//! Rule files: any text is rules or problems, and what is rules can be compiled.

use portcullis_document::MemorySources;
use portcullis_filter::seclang::{Entry, load};
use portcullis_filter::transaction::RuleSet;

/// Holds the property of this module against one input.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let sources =
        MemorySources::new().file("words.data", "# words\none\ntwo\n").file("other.conf", "SecMarker END\n");
    let entry = Entry::Text { name: "rules.conf".to_owned(), text: text.to_owned() };
    match load(&[entry], &sources) {
        Ok(rules) => drop(RuleSet::compile(&rules)),
        Err(problems) => assert!(!problems.is_empty()),
    }
}
