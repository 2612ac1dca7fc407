//! Payment card numbers: ranges of issuers with their lengths, and the Luhn check (ISO/IEC 7812).

use crate::number::Number;

/// First digits from, to (compared over as many digits as they have), and the lengths that go with them.
const RANGES: &[(&str, &str, &[usize])] = &[
    ("4", "4", &[16, 19]),           // Visa; 13 digits are an article's number (EAN) today
    ("51", "55", &[16]),             // Mastercard
    ("2221", "2720", &[16]),         // Mastercard
    ("34", "34", &[15]),             // American Express
    ("37", "37", &[15]),             // American Express
    ("6011", "6011", &[16, 19]),     // Discover
    ("644", "649", &[16, 19]),       // Discover
    ("65", "65", &[16, 19]),         // Discover, RuPay
    ("300", "305", &[14]),           // Diners Club
    ("36", "36", &[14]),             // Diners Club
    ("38", "39", &[14]),             // Diners Club
    ("3528", "3589", &[16]),         // JCB
    ("62", "62", &[16, 17, 18, 19]), // UnionPay
    ("2200", "2204", &[16]),         // Mir
    ("5018", "5018", &[16]),         // Maestro
    ("5020", "5020", &[16]),         // Maestro
    ("5038", "5038", &[16]),         // Maestro
    ("6304", "6304", &[16]),         // Maestro
    ("6759", "6763", &[16, 18, 19]), // Maestro
];

/// How card numbers are written in groups.
const GROUPS: &[&[u8]] = &[&[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4], &[4, 4, 4, 4, 3]];

/// The fewest and the most digits of a card number.
const SHORTEST: usize = 14;
const LONGEST: usize = 19;

/// Whether these digits (ASCII) are the number of a card that could have been issued.
pub(crate) fn is_card(digits: &[u8]) -> bool {
    let in_range = |(from, to, lengths): &(&str, &str, &[usize])| {
        let start = digits.get(..from.len()).unwrap_or_default();
        lengths.contains(&digits.len()) && start >= from.as_bytes() && start <= to.as_bytes()
    };
    (SHORTEST..=LONGEST).contains(&digits.len())
        && RANGES.iter().any(in_range)
        && passes_luhn(digits)
        && is_varied(digits)
}

/// Whether a card's number stands in a number's groups, alone or beside others: its expiry, its check digits.
pub(crate) fn stands_in(number: &Number<'_>) -> bool {
    let mut before = 0;
    (0..number.groups().len()).any(|first| {
        let groups = number.groups().get(first..).unwrap_or_default();
        let digits = number.digits().get(before..).unwrap_or_default();
        before += groups.first().map_or(0, |group| usize::from(*group));
        GROUPS.iter().any(|known| {
            let length = known.iter().map(|group| usize::from(*group)).sum();
            groups.starts_with(known) && digits.get(..length).is_some_and(is_card)
        })
    })
}

fn passes_luhn(digits: &[u8]) -> bool {
    let sum: u32 = (digits.iter().rev().zip([false, true].into_iter().cycle()))
        .map(|(digit, doubled)| {
            let value = u32::from(digit - b'0');
            match (doubled, value) {
                (false, value) => value,
                (true, value) if value > 4 => value * 2 - 9,
                (true, value) => value * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Placeholders are not issued: `4000000000000000…` has too few digits that are not zero.
fn is_varied(digits: &[u8]) -> bool {
    digits.iter().filter(|digit| **digit != b'0').count() > 3
}
