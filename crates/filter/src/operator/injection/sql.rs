//! Whether a value injects SQL, as libinjection 3.9.2 judges it.
//!
//! The value is read as the inside of nothing, of single and of double quotes; each time it becomes at most five tokens,
//! whose kinds are its fingerprint. Fingerprints that attacks have are known; a few short ones are looked at again.
//! Invariants: linear in the value, nothing allocated; verdict and fingerprint are libinjection's. The list of words
//! and fingerprints is the `libinjectionrs` crate's, whose own judgement differs (see RATIONALE.md).

mod fold;
mod lexer;
mod plain;
mod token;
mod words;

use memchr::{memchr, memmem};
use smol_str::SmolStr;

use crate::scan::Necessary;
use crate::scan::bytes::ByteSet;
use fold::{Folded, fold};
use lexer::{Dialect, Lexer, Quote};
pub(super) use plain::is_plain;
use token::Kind;

/// The fingerprint of `value`, if it injects.
pub(super) fn fingerprint(value: &[u8]) -> Option<SmolStr> {
    if is_plain(value) {
        return None;
    }
    let has = |mark: u8| memchr(mark, value).is_some();
    let single = || if has(b'\'') { either(value, Quote::Single) } else { None };
    let double =
        || if has(b'"') { Attempt::of(value, Quote::Double, Dialect::Mysql).verdict() } else { None };
    either(value, Quote::None).or_else(single).or_else(double)
}

/// No fingerprint that attacks have is made of words and numbers alone that nothing separates, or of one byte.
pub(super) fn necessary() -> Necessary {
    const SEPARATING: ByteSet = ByteSet::new()
        .with(0..=b'/')
        .with(b':'..=b'@')
        .with(b'['..=b'^')
        .with(b'`'..=b'`')
        .with(b'{'..=0x7f)
        .with(0xa0..=0xa0);
    Necessary::of_length(2).and(Necessary::of_set(SEPARATING))
}

/// Tries ANSI's dialect, and MySQL's if comments were met that it reads differently.
fn either(value: &[u8], quote: Quote) -> Option<SmolStr> {
    let first = Attempt::of(value, quote, Dialect::Ansi);
    first.verdict().or_else(|| {
        let again = first.folded.met_ambiguous_comment;
        if again { Attempt::of(value, quote, Dialect::Mysql).verdict() } else { None }
    })
}

/// One way to read a value.
struct Attempt<'a> {
    value: &'a [u8],
    folded: Folded,
}

impl<'a> Attempt<'a> {
    fn of(value: &'a [u8], quote: Quote, dialect: Dialect) -> Self {
        Self { value, folded: fold(Lexer::new(value, quote, dialect)) }
    }

    fn verdict(&self) -> Option<SmolStr> {
        let letters = self.folded.fingerprint();
        let text = std::str::from_utf8(&letters).ok()?;
        (words::is_attack(&letters) && self.is_meant(&letters)).then(|| text.into())
    }

    /// Looks again at fingerprints that plain text has too.
    fn is_meant(&self, letters: &[u8]) -> bool {
        let ends_in_comment = letters.len() > 1 && letters.ends_with(b"c");
        if ends_in_comment && memmem::find(self.value, b"sp_password").is_some() {
            return true;
        }
        match letters.len() {
            2 => self.is_pair_meant(letters),
            3 => self.is_triple_meant(letters),
            _ => true,
        }
    }

    fn is_pair_meant(&self, letters: &[u8]) -> bool {
        let [first, second] = [self.folded.token(0), self.folded.token(1)];
        let begin = second.text().first();
        if letters.ends_with(b"U") {
            return self.folded.read != 2;
        }
        if begin == Some(&b'#') {
            return false;
        }
        let is_comment = second.kind == Kind::Comment;
        match first.kind {
            Kind::Bareword if is_comment && begin != Some(&b'/') => false,
            Kind::Number if is_comment => begin == Some(&b'/') || self.is_number_meant(first.text().len()),
            _ => !(second.text().len() > 2 && begin == Some(&b'-')),
        }
    }

    /// A number and a comment: values such as `1234-ABC--` are no attack, `1234--` is.
    fn is_number_meant(&self, len: usize) -> bool {
        let after = self.value.get(len..).unwrap_or_default();
        self.folded.read > 2
            || after.first().is_none_or(|byte| *byte <= b' ' || *byte > 127)
            || after.starts_with(b"/*")
            || after.starts_with(b"--")
    }

    fn is_triple_meant(&self, letters: &[u8]) -> bool {
        let [first, second, third] = [self.folded.token(0), self.folded.token(1), self.folded.token(2)];
        match letters {
            b"sos" | b"s&s" => first.opened == 0 && third.closed == 0 && first.closed == third.opened,
            b"s&n" | b"n&1" | b"1&1" | b"1&v" | b"1&s" => self.folded.read != 3,
            [_, b'k', _] => {
                let text = second.text();
                text.len() >= 5 && text.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case(b"INTO"))
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(value: &str, expected: Option<&str>) {
        assert_eq!(fingerprint(value.as_bytes()).as_deref(), expected, "{value}");
    }

    #[test]
    fn attacks_have_their_fingerprints() {
        check("1' or '1'='1", Some("s&sos"));
        check("1 union select password from users", Some("1UEnk"));
        check("-1 or 1=1 --", Some("1&1c"));
        check("'; drop table users; --", Some("s;Tnn"));
        check("1\" or \"\"=\"", Some("s&sos"));
        check("1 into outfile 'x'", Some("1ks"));
        check("1 in boolean mode) and 1", Some("1k)&1"));
        check("/*!50000 select*/", Some("X"));
        check("{`", Some("X"));
    }

    #[test]
    fn plain_text_has_none() {
        for value in
            ["", "1", "hello", "select a date and or union", "O'Neill", "1 union", "a@example.org", "50% off"]
        {
            check(value, None);
        }
    }

    #[test]
    fn one_and_two_bytes_keep_to_what_is_necessary() {
        let necessary = necessary();
        for one in 0..=u8::MAX {
            assert!(fingerprint(&[one]).is_none());
            for two in 0..=u8::MAX {
                let value = [one, two];
                assert!(necessary.holds(&value) || fingerprint(&value).is_none(), "{}", value.escape_ascii());
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(800))]

        /// What attacks have in common is in every attack, and nothing panics.
        #[test]
        fn attacks_hold_what_is_necessary(
            value in r"(union|select|or|and|1|0x1|1e1|in|not|if|null|[a-z0-9_.$]|[ -~]|\PC){0,12}",
        ) {
            let attacks = fingerprint(value.as_bytes()).is_some();
            prop_assert!(!attacks || necessary().holds(value.as_bytes()));
        }

        /// Values of words and numbers without anything between them are never attacks.
        #[test]
        fn unbroken_values_are_no_attacks(value in r"(union|select|or|and|1|0x1|1e1|e|f|in|not|if|null|_|é|[a-z0-9]){0,8}") {
            prop_assert_eq!(fingerprint(value.as_bytes()), None);
        }
    }
}
