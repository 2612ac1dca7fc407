//! Which words say something of a field's kind, and of no person: those of enumerations, and fields that name things.
//!
//! Invariant: what may be a person's, a place's or a secret's is not told. Knows nothing of how often a word comes.

/// The longest word of an enumeration that is told, in bytes.
const LONGEST: usize = 24;

/// Parts of names of fields whose words are about somebody, or written by somebody.
const PERSONAL: &[&str] = &[
    "addr", "author", "bio", "birth", "city", "comment", "company", "contact", "cookie", "customer", "descr",
    "employer", "family", "first", "given", "handle", "host", "key", "last", "login", "mail", "message",
    "middle", "name", "nick", "note", "otp", "owner", "pass", "person", "phone", "pin", "place", "pwd",
    "religion", "salt", "search", "secret", "session", "sid", "sign", "slug", "street", "subject", "surname",
    "tag", "text", "title", "token", "town", "user", "username", "who",
];

/// Endings of names of fields that hold what a thing is called.
const NAMING: &[&str] = &[
    "code",
    "handle",
    "id",
    "identifier",
    "key",
    "login",
    "name",
    "nickname",
    "path",
    "ref",
    "reference",
    "sku",
    "slug",
    "symbol",
    "username",
    "uuid",
];

/// Whether a word in a field of this name is one that learning may see: short, of one case, and not a person's.
pub fn telling(field: &str, word: &str) -> bool {
    if field.is_empty() || word.len() > LONGEST {
        return false;
    }
    let is_in_case =
        |case: fn(&u8) -> bool| word.bytes().all(|byte| case(&byte) || matches!(byte, b'_' | b'-'));
    let starts = word.starts_with(|first: char| first.is_ascii_alphabetic());
    let in_one_case = is_in_case(u8::is_ascii_lowercase) || is_in_case(u8::is_ascii_uppercase);
    if !starts || !in_one_case {
        return false;
    }
    let lower = field.to_ascii_lowercase();
    !PERSONAL.iter().any(|part| lower.contains(part)) && !names_things(field)
}

/// Whether a field of this name says what a thing is called, so that its value may stand in a path.
pub fn names_things(field: &str) -> bool {
    let ending = |name: &str| {
        let Some(cut) = field.len().checked_sub(name.len()) else { return false };
        let (before, last) = (field.get(..cut), field.get(cut..));
        let (Some(before), Some(last)) = (before, last) else { return false };
        // `id`, `user_id`, `userId`; not `paid`.
        let is_own =
            before.is_empty() || before.ends_with(['_', '-', '.']) || last.starts_with(char::is_uppercase);
        is_own && last.eq_ignore_ascii_case(name)
    };
    NAMING.iter().any(|name| ending(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_enumerations_are_told_and_those_of_people_are_not() {
        for (field, word, told) in [
            ("status", "PENDING", true),
            ("sort", "created_at", true),
            ("order", "asc", true),
            ("status", "Anna", false),
            ("requester", "Mc-Donald", false),
            ("firstName", "anna", false),
            ("user", "anna", false),
            ("id", "anna", false),
            ("status", "a1b2", false),
            ("status", "averyveryverylongwordindeed", false),
            ("", "open", false),
        ] {
            assert_eq!(telling(field, word), told, "{field} {word}");
        }
    }

    #[test]
    fn fields_that_name_things() {
        for (field, names) in [
            ("id", true),
            ("userId", true),
            ("user_id", true),
            ("slug", true),
            ("paid", false),
            ("idle", false),
        ] {
            assert_eq!(names_things(field), names, "{field}");
        }
    }
}
