//! Sets of small numbers, such as the candidates among the rules of a scanner.
//!
//! Kept by the caller and filled again for every value, so that a scan allocates nothing.

use smallvec::SmallVec;

/// Rules in one inline set; more spill to the heap, once.
const INLINE_WORDS: usize = 16;

/// A set of indexes.
#[derive(Clone, Debug, Default, Eq)]
pub struct Bits(SmallVec<[u64; INLINE_WORDS]>);

impl PartialEq for Bits {
    fn eq(&self, other: &Self) -> bool {
        let (short, long) = if self.0.len() <= other.0.len() { (self, other) } else { (other, self) };
        let (same, rest) = long.0.split_at(short.0.len());
        *same == *short.0 && rest.iter().all(|&word| word == 0)
    }
}

impl Bits {
    /// The empty set.
    pub fn new() -> Self {
        Self(SmallVec::new())
    }

    /// The set of all indexes below `len`.
    pub fn below(len: usize) -> Self {
        let mut bits = Self::new();
        bits.0.resize(len / 64, u64::MAX);
        if !len.is_multiple_of(64) {
            bits.0.push((1 << (len % 64)) - 1);
        }
        bits
    }

    /// Adds `index`.
    #[inline]
    pub fn insert(&mut self, index: usize) {
        let word = index / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (index % 64);
        }
    }

    /// Takes `index` out.
    #[inline]
    pub fn remove(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word &= !(1 << (index % 64));
        }
    }

    /// Is `index` in the set?
    #[inline]
    pub fn contains(&self, index: usize) -> bool {
        self.0.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Takes everything out; what was allocated stays, and so does the room for as large an index.
    #[inline]
    pub fn clear(&mut self) {
        self.0.fill(0);
    }

    /// Holds what `other` holds and nothing else.
    #[inline]
    pub fn copy_from(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        let (same, rest) = self.0.split_at_mut(other.0.len());
        same.copy_from_slice(&other.0);
        rest.fill(0);
    }

    /// Is nothing in the set?
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    /// How many indexes are in the set.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Adds all of `other`.
    #[inline]
    pub fn union_with(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine |= theirs;
        }
    }

    /// Keeps only what is in `other` too.
    #[inline]
    pub fn intersect_with(&mut self, other: &Self) {
        let shared = self.0.len().min(other.0.len());
        let (same, rest) = self.0.split_at_mut(shared);
        same.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine &= theirs);
        rest.fill(0);
    }

    /// Takes out what is in `other`.
    pub fn subtract(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine &= !theirs);
    }

    /// Do the two share an index?
    #[inline]
    pub fn intersects(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(mine, theirs)| mine & theirs != 0)
    }

    /// The least index in the set that is `from` or more: the way to walk rules in order and jump over the rest.
    #[inline]
    pub fn next(&self, from: usize) -> Option<usize> {
        let first = from / 64;
        let mut mask = u64::MAX << (from % 64);
        for (offset, word) in self.0.iter().skip(first).enumerate() {
            let word = word & mask;
            if word != 0 {
                return Some((first + offset) * 64 + word.trailing_zeros() as usize);
            }
            mask = u64::MAX;
        }
        None
    }

    /// The same without those that are in `other`.
    #[inline]
    pub fn next_but(&self, other: &Self, from: usize) -> Option<usize> {
        let first = from / 64;
        let mut mask = u64::MAX << (from % 64);
        for (place, word) in self.0.iter().enumerate().skip(first) {
            let word = word & mask & !other.0.get(place).copied().unwrap_or_default();
            if word != 0 {
                return Some(place * 64 + word.trailing_zeros() as usize);
            }
            mask = u64::MAX;
        }
        None
    }

    /// The indexes of the bits of a word, in order.
    #[inline]
    pub fn of_word(mut word: u64) -> impl Iterator<Item = usize> {
        std::iter::from_fn(move || {
            let bit = word.trailing_zeros();
            word &= word.checked_sub(1)?;
            Some(bit as usize)
        })
    }

    /// The indexes in order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let found = self.next(from)?;
            from = found + 1;
            Some(found)
        })
    }
}

impl FromIterator<usize> for Bits {
    fn from_iter<I: IntoIterator<Item = usize>>(indexes: I) -> Self {
        let mut bits = Self::new();
        for index in indexes {
            bits.insert(index);
        }
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_come_back_in_order() {
        let held = [0, 1, 63, 64, 127, 128, 2_000];
        let bits: Bits = held.iter().rev().copied().collect();
        assert_eq!(bits.iter().collect::<Vec<_>>(), held);
        assert_eq!((bits.len(), bits.next(65), bits.next(2_001)), (7, Some(127), None));
        assert!(bits.contains(64) && !bits.contains(65) && !bits.contains(9_999));
    }

    #[test]
    fn sets_of_different_length_combine() {
        let mut bits: Bits = [1, 200].into_iter().collect();
        let other: Bits = [1, 3].into_iter().collect();
        assert!(bits.intersects(&other));
        bits.union_with(&other);
        assert_eq!(bits.iter().collect::<Vec<_>>(), [1, 3, 200]);
        assert_eq!([0, 2, 4].map(|from| bits.next_but(&other, from)), [Some(200); 3]);
        assert_eq!([0, 2].map(|from| other.next_but(&[3].into_iter().collect(), from)), [Some(1), None]);
        bits.intersect_with(&Bits::below(3));
        assert_eq!(bits.iter().collect::<Vec<_>>(), [1]);
        let mut copy: Bits = [2_000].into_iter().collect();
        copy.copy_from(&bits);
        assert_eq!((copy.iter().collect::<Vec<_>>(), &copy), (vec![1], &bits));
        copy.subtract(&other);
        assert!(copy.is_empty());
        bits.remove(1);
        assert!(bits.is_empty() && Bits::below(130).len() == 130 && Bits::below(128).len() == 128);
    }
}
