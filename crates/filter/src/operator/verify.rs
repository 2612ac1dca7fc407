//! Numbers that prove themselves: payment cards, and social security numbers of three countries.
//!
//! A pattern finds what could be one, arithmetic decides. Does not know the patterns.

use smallvec::SmallVec;

/// What a found text has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// A payment card's number (Luhn).
    Card,
    /// A Brazilian taxpayer's number.
    Cpf,
    /// An American social security number.
    Ssn,
    /// An Austrian social security number.
    Svnr,
}

impl Number {
    /// Whether the digits in `text` are such a number.
    pub(super) fn is_in(self, text: &[u8]) -> bool {
        let digits: SmallVec<[u32; 24]> =
            text.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| u32::from(byte - b'0')).collect();
        match self {
            Self::Card => is_card(&digits),
            Self::Cpf => is_cpf(&digits),
            Self::Ssn => is_ssn(&digits),
            Self::Svnr => is_svnr(&digits),
        }
    }
}

fn is_card(digits: &[u32]) -> bool {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let every_second = |(index, digit): (usize, &u32)| if index % 2 == 1 { doubled(*digit) } else { *digit };
    let sum: u32 = digits.iter().rev().enumerate().map(every_second).sum();
    !digits.is_empty() && sum.is_multiple_of(10)
}

/// Nine digits and two that follow from them, not all the same and not simply counted up.
fn is_cpf(digits: &[u32]) -> bool {
    let check = |len: usize| {
        let weights = (2..=len as u32 + 1).rev();
        let sum: u32 = digits.iter().take(len).zip(weights).map(|(digit, weight)| digit * weight).sum();
        if sum % 11 < 2 { 0 } else { 11 - sum % 11 }
    };
    digits.len() == 11
        && !is_monotonous(digits)
        && digits.get(9) == Some(&check(9))
        && digits.get(10) == Some(&check(10))
}

/// Area, group and serial number, none of them nothing, in ranges that were given out.
fn is_ssn(digits: &[u32]) -> bool {
    let part = |from: usize, to: usize| {
        digits.get(from..to).map(|part| part.iter().fold(0, |all, one| all * 10 + one))
    };
    match (part(0, 3), part(3, 5), part(5, 9)) {
        (Some(area), Some(group), Some(serial)) => {
            let is_area = area > 0 && area < 740 && area != 666;
            digits.len() == 9 && is_area && group > 0 && serial > 0 && !is_monotonous(digits)
        }
        _ => false,
    }
}

/// Ten digits, the fourth of which follows from the others.
fn is_svnr(digits: &[u32]) -> bool {
    const WEIGHTS: [u32; 10] = [3, 7, 9, 0, 5, 8, 4, 2, 1, 6];
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    let check = if sum % 11 == 10 { 0 } else { sum % 11 };
    digits.len() == 10 && !is_monotonous(digits) && digits.get(3) == Some(&check)
}

/// All the same, or each one more than the one before (9 before 0).
fn is_monotonous(digits: &[u32]) -> bool {
    let all =
        |step: u32| digits.windows(2).all(|pair| matches!(pair, [one, next] if *next == (one + step) % 10));
    all(0) || all(1)
}
