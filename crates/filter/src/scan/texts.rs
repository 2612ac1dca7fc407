//! One pass over a value that tells which of all lists of texts have a text in it.
//!
//! Each text is looked for by its rarest four bytes (or by all of it, when it is shorter): at every place of the value
//! three loads from small tables, independent of each other, say whether any text may stand there. That costs less than
//! following an automaton, whose every step waits for the one before it. Invariant: every list of which a text stands in
//! the value is reported, once.

use std::collections::BTreeMap;

use super::Bits;
use super::pattern::Edge;
use super::text::{Text, surprise};

/// The index of a list of texts.
pub(super) type List = u32;

/// Zero bytes that must follow a folded value.
pub(super) const PADDING: usize = GRAM - 1;
/// Bytes by which a text is looked for.
const GRAM: usize = 4;
/// Bits of a gram's hash; its upper [`BUCKET_BITS`] choose the bucket.
const HASH_BITS: u32 = 18;
const BUCKET_BITS: u32 = 13;
const FILTER_WORDS: usize = 1 << (HASH_BITS - 6);
const PAIR_WORDS: usize = 1 << (16 - 6);

/// All lists of texts of a scanner.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    /// For each pair of bytes, whether it is a text.
    pairs: Box<[u64; PAIR_WORDS]>,
    /// For each hash, whether a gram of three or four bytes has it.
    filter: Box<[u64; FILTER_WORDS]>,
    /// For each bucket, where its grams begin; one more for the end of the last.
    buckets: Vec<u32>,
    grams: Vec<Gram>,
    /// The bytes of all texts.
    bytes: Vec<u8>,
    /// For the ranges in grams, what the occurrence of a text means.
    meanings: Vec<Meaning>,
}

/// A text by the bytes it is looked for.
#[derive(Clone, Copy, Debug)]
struct Gram {
    key: u32,
    /// Where in the text the gram begins.
    offset: u32,
    /// The text, in `bytes`.
    start: u32,
    end: u32,
    /// In `meanings`.
    first: u32,
    last: u32,
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

    /// The tables for all of them.
    pub(super) fn build(self) -> Texts {
        let mut texts = Texts {
            pairs: zeroed(),
            filter: zeroed(),
            buckets: Vec::new(),
            grams: Vec::new(),
            bytes: Vec::new(),
            meanings: Vec::new(),
        };
        for (text, meanings) in self.meanings {
            texts.add(&text, &meanings);
        }
        texts.sort_grams();
        texts
    }
}

impl Texts {
    fn add(&mut self, text: &[u8], meanings: &[Meaning]) {
        let (offset, gram) = rarest_gram(text);
        let key = key_of(gram);
        let start = self.bytes.len() as u32;
        let first = self.meanings.len() as u32;
        self.bytes.extend_from_slice(text);
        self.meanings.extend_from_slice(meanings);
        let (end, last) = (self.bytes.len() as u32, self.meanings.len() as u32);
        self.grams.push(Gram { key, offset: offset as u32, start, end, first, last });
        let (table, index) = match gram.len() {
            0..=2 => (self.pairs.as_mut_slice(), key as usize),
            _ => (self.filter.as_mut_slice(), hash(key) as usize),
        };
        if let Some(word) = table.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    fn sort_grams(&mut self) {
        self.grams.sort_by_key(|gram| (bucket(gram.key), gram.key));
        let mut counts = vec![0; 1 << BUCKET_BITS];
        for gram in &self.grams {
            if let Some(count) = counts.get_mut(bucket(gram.key)) {
                *count += 1;
            }
        }
        let mut begin = 0;
        self.buckets = vec![begin];
        self.buckets.extend(counts.into_iter().map(|count: u32| {
            begin += count;
            begin
        }));
    }

    /// Calls `report` with every list that has a text in a value, of which `folded` is the folded form and
    /// [`PADDING`]. What was seen is in `seen` afterwards.
    #[inline]
    pub(super) fn scan(&self, folded: &[u8], seen: &mut Bits, mut report: impl FnMut(List)) {
        seen.clear();
        for (at, bytes) in folded.array_windows::<GRAM>().enumerate() {
            let four = u32::from_le_bytes(*bytes);
            let (three, two) = (four & 0x00ff_ffff, four & 0xffff);
            let hits = [bit(&self.pairs, two), bit(&self.filter, hash(three)), bit(&self.filter, hash(four))];
            if hits != [0; 3] {
                for (key, _) in [two, three, four].into_iter().zip(hits).filter(|(_, hit)| *hit != 0) {
                    self.try_grams(key, folded, at, seen, &mut report);
                }
            }
        }
    }

    #[inline(never)]
    fn try_grams(&self, key: u32, folded: &[u8], at: usize, seen: &mut Bits, report: &mut impl FnMut(List)) {
        let bucket = bucket(key);
        let (Some(&from), Some(&to)) = (self.buckets.get(bucket), self.buckets.get(bucket + 1)) else {
            return;
        };
        let grams = self.grams.get(from as usize..to as usize).unwrap_or_default();
        for gram in grams.iter().filter(|gram| gram.key == key) {
            let text = self.bytes.get(gram.start as usize..gram.end as usize).unwrap_or_default();
            let Some(start) = at.checked_sub(gram.offset as usize) else { continue };
            let end = start + text.len();
            let value = folded.get(..folded.len().saturating_sub(PADDING)).unwrap_or_default();
            if value.get(start..end) != Some(text) {
                continue;
            }
            for meaning in self.meanings.get(gram.first as usize..gram.last as usize).unwrap_or_default() {
                if !seen.contains(meaning.list as usize)
                    && Text::stands(meaning.before, meaning.after, value, start, end)
                {
                    seen.insert(meaning.list as usize);
                    report(meaning.list);
                }
            }
        }
    }

    /// Bytes on the heap.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.pairs)
            + size_of_val(&*self.filter)
            + size_of_val(self.buckets.as_slice())
            + size_of_val(self.grams.as_slice())
            + size_of_val(self.meanings.as_slice())
            + self.bytes.len()
    }
}

/// The least ordinary bytes of `text`, as many as are looked for, and where they are.
fn rarest_gram(text: &[u8]) -> (usize, &[u8]) {
    let surprise = |gram: &[u8]| gram.iter().map(|&byte| surprise(byte)).sum::<f64>();
    let grams = text.windows(GRAM.min(text.len()).max(1)).enumerate();
    grams.max_by(|(_, a), (_, b)| surprise(a).total_cmp(&surprise(b))).unwrap_or((0, text))
}

fn key_of(gram: &[u8]) -> u32 {
    gram.iter().rev().fold(0, |key, &byte| key << 8 | u32::from(byte))
}

#[inline]
const fn hash(key: u32) -> u32 {
    key.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)
}

#[inline]
const fn bucket(key: u32) -> usize {
    (hash(key) >> (HASH_BITS - BUCKET_BITS)) as usize
}

/// The array's length is known, so that the check of the index is not made again for every byte.
#[inline]
fn bit<const WORDS: usize>(table: &[u64; WORDS], index: u32) -> u64 {
    table.get(index as usize / 64).map_or(0, |word| word >> (index % 64) & 1)
}

/// An array of zeros that never was on the stack.
#[allow(clippy::unnecessary_box_returns, reason = "the box is what keeps it off the stack")]
fn zeroed<const WORDS: usize>() -> Box<[u64; WORDS]> {
    let zeros = vec![0; WORDS].into_boxed_slice();
    // The length is right, so the other way is never taken.
    zeros.try_into().unwrap_or_else(|_| Box::new([0; WORDS]))
}
