//! One pass over a value that tells which of some lists of texts have a text in it.
//!
//! Each text is looked for by the rarest four bytes of it (or by all of it, when it is shorter). A table of bits tells
//! for every three codes whether a gram begins with them, so that most places of a value cost one load; where one does
//! begin, the code after it is tried before any text is. Invariant: every list of which a text stands in the value is
//! reported, once.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Bits;
use super::fold::{CODE_BITS, code, code_tells, fold};
use super::pattern::Edge;
use super::text::{Text, surprise};

/// The index of a list of texts.
pub(super) type List = u32;

/// Codes that must follow those of a value.
pub(super) const PADDING: usize = GRAM - 1;
/// Bytes by which a text is looked for.
const GRAM: usize = 4;
const CODES: u8 = 1 << CODE_BITS;
/// Pairs of codes.
const PAIRS: usize = 1 << (2 * CODE_BITS);
/// Bits of surprise by which a gram has to be rarer to be preferred to one that twice as few texts have.
const CROWDED: f64 = 3.0;

/// Lists of texts, ready to be looked for.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    /// For each pair of codes, the codes that follow it at the beginning of a gram.
    thirds: Box<[u64; PAIRS]>,
    /// For each pair of codes, how many beginnings pairs before it have.
    before: Box<[u32; PAIRS]>,
    /// For each pair of codes, those that follow it at the end of a gram.
    fourths: Box<[u64; PAIRS]>,
    /// For each beginning, in order, where its grams begin; and where the last one's end.
    beginnings: Vec<u32>,
    /// The codes of each gram: most places have those of none, and what else is known of it is not even loaded.
    keys: Vec<Key>,
    grams: Vec<Gram>,
    /// The bytes of all texts, and their codes.
    bytes: Vec<u8>,
    codes: Vec<u8>,
    /// For the ranges in grams, what the occurrence of a text means.
    meanings: Vec<Meaning>,
}

/// The codes of a gram's bytes, and which of them count: one comparison tells most other places apart.
#[derive(Clone, Copy, Debug)]
struct Key {
    codes: u32,
    mask: u32,
}

/// A text by the bytes it is looked for.
#[derive(Clone, Copy, Debug)]
struct Gram {
    /// Where in the text the gram begins.
    offset: u32,
    /// The text, in `bytes`.
    start: u32,
    length: u32,
    /// In `meanings`.
    first: u32,
    last: u32,
    told: Told,
}

/// What tells that a text stands where its gram does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// The gram: it is all of the text.
    Gram,
    /// Its codes: no other bytes have them.
    Codes,
    /// Only its bytes: some share their codes with others.
    Bytes,
}

/// A text of `list` occurs, if it stands between the right edges.
#[derive(Clone, Copy, Debug)]
struct Meaning {
    list: List,
    before: Option<Edge>,
    after: Option<Edge>,
}

/// Collects lists while a scanner is built.
#[derive(Debug, Default)]
pub(super) struct TextsBuilder {
    lists: BTreeMap<Vec<Text>, List>,
    meanings: BTreeMap<Vec<u8>, Vec<Meaning>>,
}

impl TextsBuilder {
    /// The list with these texts, known or new.
    pub(super) fn list(&mut self, texts: &[Text]) -> List {
        if let Some(known) = self.lists.get(texts) {
            return *known;
        }
        let list = self.lists.len() as List;
        for text in texts {
            let meaning = Meaning { list, before: text.before, after: text.after };
            self.meanings.entry(text.bytes.clone()).or_default().push(meaning);
        }
        self.lists.insert(texts.to_vec(), list);
        list
    }

    /// How many lists there are.
    pub(super) fn len(&self) -> usize {
        self.lists.len()
    }

    /// The tables for those of them that are `wanted`.
    pub(super) fn build(&self, wanted: &Bits) -> Texts {
        let mut tables = Tables::default();
        let is_wanted = |meaning: &&Meaning| wanted.contains(meaning.list as usize);
        for (text, meanings) in &self.meanings {
            let meanings: Vec<Meaning> = meanings.iter().filter(is_wanted).copied().collect();
            if !meanings.is_empty() {
                tables.add(text, &meanings);
            }
        }
        tables.finish()
    }
}

/// The tables in the making.
#[derive(Default)]
struct Tables {
    /// By the three codes they begin with, grams with the codes that may come fourth.
    grams: BTreeMap<[u8; 3], Vec<(u64, Key, Gram)>>,
    /// How many texts are looked for by a gram.
    crowds: BTreeMap<Vec<u8>, u32>,
    bytes: Vec<u8>,
    codes: Vec<u8>,
    meanings: Vec<Meaning>,
}

impl Tables {
    fn add(&mut self, text: &[u8], meanings: &[Meaning]) {
        let (offset, gram) = self.best_gram(text);
        *self.crowds.entry(gram.to_vec()).or_default() += 1;
        let start = self.bytes.len() as u32;
        let first = self.meanings.len() as u32;
        self.bytes.extend_from_slice(text);
        self.codes.extend(text.iter().map(|&byte| code(byte)));
        self.meanings.extend_from_slice(meanings);
        let last = self.meanings.len() as u32;
        let codes =
            (0..GRAM).fold(0, |word, at| word << 8 | gram.get(at).map_or(0, |&byte| u32::from(code(byte))));
        let mask =
            gram.iter().take(GRAM).fold(0, |mask, _| mask << 8 | 0xff) << (8 * (GRAM - gram.len().min(GRAM)));
        let told = match text.iter().all(|&byte| code_tells(byte)) {
            true if text.len() <= GRAM => Told::Gram,
            true => Told::Codes,
            false => Told::Bytes,
        };
        let (offset, length) = (offset as u32, text.len() as u32);
        let (key, found) = (Key { codes, mask }, Gram { offset, start, length, first, last, told });
        // Past the end of a text that is shorter than a gram, anything may follow.
        let codes = |at: usize| gram.get(at).map_or(0..CODES, |&byte| code(byte)..code(byte) + 1);
        let fourths = codes(3).fold(0, |fourths, code| fourths | 1 << code);
        for first in codes(0) {
            for second in codes(1) {
                for third in codes(2) {
                    self.grams.entry([first, second, third]).or_default().push((fourths, key, found));
                }
            }
        }
    }

    /// The least ordinary bytes of `text`, as many as are looked for, and where they are; rather not those by which
    /// many texts are looked for already.
    fn best_gram<'a>(&self, text: &'a [u8]) -> (usize, &'a [u8]) {
        let worth = |gram: &[u8]| {
            let crowd = f64::from(self.crowds.get(gram).copied().unwrap_or(0) + 1);
            gram.iter().map(|&byte| surprise(byte)).sum::<f64>() - CROWDED * crowd.log2()
        };
        let grams = text.windows(GRAM.min(text.len()).max(1)).enumerate();
        let worths = grams.map(|(offset, gram)| (worth(gram), offset, gram));
        let best = worths.max_by(|(a, ..), (b, ..)| a.total_cmp(b));
        best.map_or((0, text), |(_, offset, gram)| (offset, gram))
    }

    fn finish(self) -> Texts {
        let mut texts = Texts {
            thirds: zeroed(),
            before: zeroed(),
            fourths: zeroed(),
            beginnings: vec![0],
            keys: Vec::new(),
            grams: Vec::new(),
            bytes: self.bytes,
            codes: self.codes,
            meanings: self.meanings,
        };
        for ([first, second, third], grams) in self.grams {
            let pair = usize::from(first) << CODE_BITS | usize::from(second);
            if let Some(thirds) = texts.thirds.get_mut(pair) {
                *thirds |= 1 << third;
            }
            texts.keys.extend(grams.iter().map(|(_, key, _)| *key));
            texts.grams.extend(grams.iter().map(|(_, _, gram)| *gram));
            texts.beginnings.push(texts.grams.len() as u32);
            if let Some(known) = texts.fourths.get_mut(usize::from(second) << CODE_BITS | usize::from(third))
            {
                *known = grams.iter().fold(*known, |all, (fourths, ..)| all | fourths);
            }
        }
        let mut before = 0;
        for (count, thirds) in texts.before.iter_mut().zip(&*texts.thirds) {
            *count = before;
            before += thirds.count_ones();
        }
        texts
    }
}

/// A value and the codes of its bytes.
#[derive(Clone, Copy)]
pub(super) struct Coded<'a> {
    pub value: &'a [u8],
    /// With [`PADDING`] more.
    pub codes: &'a [u8],
}

/// Where a gram begins, perhaps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// In the value.
    at: u32,
    /// In `beginnings`.
    beginning: u32,
}

impl Texts {
    /// Calls `report` with every list that has a text in a value. What was seen is in `seen` afterwards; `places` is
    /// room for those that are looked at closely.
    #[inline]
    pub(super) fn scan(
        &self,
        coded: Coded<'_>,
        places: &mut Vec<Place>,
        seen: &mut Bits,
        report: impl FnMut(List),
    ) {
        seen.clear();
        self.find_places(coded.codes, places);
        if !places.is_empty() {
            self.look_closely(coded, places, seen, report);
        }
    }

    /// The places at which four codes stand that grams have.
    #[inline]
    fn find_places(&self, codes: &[u8], places: &mut Vec<Place>) {
        places.clear();
        let mut pair = 0;
        for (third_at, &third) in codes.iter().enumerate() {
            let third = u32::from(third);
            let thirds = self.thirds.get(pair).copied().unwrap_or_default();
            let next = (pair << CODE_BITS | third as usize) % PAIRS;
            // Codes are below the number of bits, so that nothing wraps.
            if thirds.wrapping_shr(third) & 1 != 0 && self.may_end(next, codes.get(third_at + 1)) {
                let beginnings = (thirds & (1_u64.wrapping_shl(third) - 1)).count_ones();
                let beginning = self.before.get(pair).map_or(0, |before| before + beginnings);
                // The first two codes begin no gram by themselves: there is a third.
                places.push(Place { at: third_at.wrapping_sub(2) as u32, beginning });
            }
            pair = next;
        }
    }

    /// Whether a gram could end with a code behind such a pair.
    #[inline]
    fn may_end(&self, pair: usize, fourth: Option<&u8>) -> bool {
        let fourths = self.fourths.get(pair).copied().unwrap_or_default();
        fourth.is_none_or(|fourth| fourths.wrapping_shr(u32::from(*fourth)) & 1 != 0)
    }

    /// Tries the grams of these places.
    fn look_closely(
        &self,
        coded: Coded<'_>,
        places: &[Place],
        seen: &mut Bits,
        mut report: impl FnMut(List),
    ) {
        for place in places {
            let at = place.at as usize;
            let Some(here) = coded.codes.get(at..).and_then(<[u8]>::first_chunk) else { continue };
            let here = u32::from_be_bytes(*here);
            let beginning = place.beginning as usize;
            let Some([first, last]) = self.beginnings.get(beginning..beginning + 2) else { continue };
            let keys = self.keys.get(*first as usize..*last as usize).unwrap_or_default();
            for (number, key) in (*first as usize..).zip(keys) {
                if here & key.mask != key.codes {
                    continue;
                }
                let Some(gram) = self.grams.get(number) else { continue };
                let Some(start) = at.checked_sub(gram.offset as usize) else { continue };
                let end = start + gram.length as usize;
                if end > coded.value.len() || !self.stands(gram, coded, start..end) {
                    continue;
                }
                let meanings = self.meanings.get(gram.first as usize..gram.last as usize);
                for meaning in meanings.unwrap_or_default() {
                    if !seen.contains(meaning.list as usize)
                        && Text::stands(meaning.before, meaning.after, coded.value, start, end)
                    {
                        seen.insert(meaning.list as usize);
                        report(meaning.list);
                    }
                }
            }
        }
    }

    /// Whether a text stands at a place where its gram does.
    #[inline]
    fn stands(&self, gram: &Gram, coded: Coded<'_>, place: Range<usize>) -> bool {
        let text = gram.start as usize..gram.start as usize + place.len();
        match gram.told {
            Told::Gram => true,
            Told::Codes => coded.codes.get(place) == self.codes.get(text),
            Told::Bytes => {
                let (part, text) = (coded.value.get(place), self.bytes.get(text));
                part.zip(text).is_some_and(|(part, text)| is_folded(part, text))
            }
        }
    }

    /// Bytes on the heap.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.thirds)
            + size_of_val(&*self.before)
            + size_of_val(&*self.fourths)
            + size_of_val(self.beginnings.as_slice())
            + size_of_val(self.keys.as_slice())
            + size_of_val(self.grams.as_slice())
            + size_of_val(self.meanings.as_slice())
            + self.bytes.len()
            + self.codes.len()
    }
}

/// Whether the bytes of a text stand for those of a part of a value, which is as long.
#[inline]
fn is_folded(part: &[u8], text: &[u8]) -> bool {
    let mut rest = text;
    for &byte in part {
        match rest {
            [folded, after @ ..] if fold(byte) == *folded => rest = after,
            _ => return false,
        }
    }
    true
}

/// An array of zeros that never was on the stack.
#[allow(clippy::unnecessary_box_returns, reason = "the box is what keeps it off the stack")]
fn zeroed<Word: Copy + Default + std::fmt::Debug, const WORDS: usize>() -> Box<[Word; WORDS]> {
    let zeros = vec![Word::default(); WORDS].into_boxed_slice();
    // The length is right, so the other way is never taken.
    zeros.try_into().unwrap_or_else(|_| Box::new([Word::default(); WORDS]))
}
