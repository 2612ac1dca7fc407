//! A number as people write one: digits in groups, with what stands between them.
//!
//! Invariant: reading one takes in each byte once; a number that goes on beyond [`MOST`] digits is none.

/// The most digits of one number, and the most groups.
const MOST: usize = 24;

/// A number as it is written.
pub(crate) struct Number<'a> {
    written: &'a [u8],
    digits: [u8; MOST],
    count: usize,
    groups: [u8; MOST],
    group_count: usize,
    /// The whole value is this number.
    whole: bool,
}

impl<'a> Number<'a> {
    /// Reads the number that begins a text (at a digit, `+` or `(`), and where it ends; `None` if what stands there is
    /// part of something else: a word, a decimal number, a time, a version.
    pub(crate) fn at_start(text: &'a [u8]) -> (Option<Self>, usize) {
        let mut number = Self {
            written: &[],
            digits: [0; MOST],
            count: 0,
            groups: [0; MOST],
            group_count: 0,
            whole: false,
        };
        let (mut place, mut end, mut fits) = (0, 0, true);
        while let Some(byte) = text.get(place) {
            match byte {
                b'0'..=b'9' => {
                    let goes_on = place > 0 && text.get(place - 1).is_some_and(u8::is_ascii_digit);
                    fits &= number.push(*byte, if goes_on { Joint::Same } else { Joint::New });
                    end = place + 1;
                }
                b'+' if place > 0 => break,
                b'+' | b' ' | b'-' | b'(' | b')' | b'.' | b'/' => {}
                _ => break,
            }
            place += 1;
            // Two of these in a row are `) ` or the end; more are.
            if place > end + 2 {
                break;
            }
        }
        number.written = text.get(..end).unwrap_or_default();
        let next = text.get(end).copied().unwrap_or(b' ');
        let is_part = next.is_ascii_alphabetic()
            || matches!(next, b'_' | b':' | b'@' | b'%' | b'=' | b'\\')
            || next >= 0x80
            || (matches!(next, b'-' | b'.' | b'/')
                && text.get(end + 1).is_some_and(u8::is_ascii_alphanumeric));
        let read = (fits && !is_part && number.count > 0).then_some(number);
        (read, end.max(1))
    }

    /// The same, said to be all of its value.
    pub(crate) fn said_whole(mut self) -> Self {
        self.whole = true;
        self
    }

    fn push(&mut self, digit: u8, joint: Joint) -> bool {
        let Some(place) = self.digits.get_mut(self.count) else { return false };
        *place = digit;
        self.count += 1;
        self.group_count += usize::from(joint == Joint::New);
        let group = self.group_count.checked_sub(1).and_then(|last| self.groups.get_mut(last));
        group.map(|group| *group += 1).is_some()
    }

    /// Its digits, ASCII.
    pub(crate) fn digits(&self) -> &[u8] {
        self.digits.get(..self.count).unwrap_or_default()
    }

    /// How many digits each group has.
    pub(crate) fn groups(&self) -> &[u8] {
        self.groups.get(..self.group_count).unwrap_or_default()
    }

    /// Whether nothing else stands in the value.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    pub(crate) fn begins_with_plus(&self) -> bool {
        self.written.first() == Some(&b'+')
    }

    /// Whether a `-` joins its last two groups.
    pub(crate) fn is_dashed(&self) -> bool {
        let last = self.written.iter().rposition(|byte| !byte.is_ascii_digit());
        last.and_then(|last| self.written.get(last)) == Some(&b'-')
    }

    /// Whether one and the same of space and `-` joins all groups.
    pub(crate) fn is_evenly_joined(&self) -> bool {
        let mut joints = self.written.iter().filter(|byte| !byte.is_ascii_digit());
        let first = joints.next();
        matches!(first, Some(b' ' | b'-')) && joints.all(|joint| Some(joint) == first)
    }

    /// Whether it is written as a number with a fraction.
    pub(crate) fn is_decimal(&self) -> bool {
        let mut joints = self.written.iter().skip(1).filter(|byte| !byte.is_ascii_digit());
        joints.next() == Some(&b'.') && joints.next().is_none()
    }

    /// Whether it is a number of the United States' social security as written with its groups.
    pub(crate) fn is_grouped_ssn(&self) -> bool {
        self.groups() == [3, 2, 4] && self.is_evenly_joined() && is_ssn(self.digits())
    }
}

/// How a digit joins the one before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joint {
    Same,
    New,
}

/// Whether nine digits could have been given out as a social security number.
pub(crate) fn is_ssn(digits: &[u8]) -> bool {
    let (Some(area), Some(group), Some(serial)) = (digits.get(..3), digits.get(3..5), digits.get(5..)) else {
        return false;
    };
    digits.len() == 9
        && !matches!(area, b"000" | b"666" | [b'9', ..])
        && group != b"00"
        && serial != b"0000"
        && digits != b"123456789"
}
