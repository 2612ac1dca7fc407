//! Inputs made of seeds: the same ones in every run, each a seed that was cut, doubled, mixed with another or peppered
//! with words.
//!
//! It learns nothing from what an input does: that is the fuzzer's part.

use fastrand::Rng;

/// How often a seed is changed at most before it is an input.
const CHANGES: usize = 6;

/// Inputs past this many bytes are cut.
const LONGEST: usize = 1 << 14;

/// An endless sequence of inputs, the same for the same seeds and words.
pub struct Mutations {
    seeds: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
    random: Rng,
}

impl Mutations {
    /// Inputs made of these seeds; of nothing but words if there are none.
    pub fn of(mut seeds: Vec<Vec<u8>>, words: Vec<Vec<u8>>) -> Self {
        seeds.push(Vec::new());
        Mutations { seeds, words, random: Rng::with_seed(4711) }
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let (start, end) = (self.place(input), self.place(input));
        let range = start.min(end)..start.max(end);
        match self.random.u8(..8) {
            0 => input.iter_mut().skip(start).take(1).for_each(|byte| *byte ^= 1 << self.random.u8(..8)),
            1 => input.iter_mut().skip(start).take(1).for_each(|byte| *byte = self.random.u8(..)),
            2 => input.truncate(start),
            3 => drop(input.drain(range)),
            4 => self.repeat(input, range),
            5 => self.splice(input, range),
            _ => self.insert_word(input, start),
        }
    }

    fn place(&mut self, input: &[u8]) -> usize {
        self.random.usize(..=input.len())
    }

    /// Writes a piece several times: what is quadratic or recursive shows.
    fn repeat(&mut self, input: &mut Vec<u8>, range: std::ops::Range<usize>) {
        let piece = input[range.clone()].repeat(self.random.usize(1..40));
        input.splice(range.end..range.end, piece);
        input.truncate(LONGEST);
    }

    /// Puts the end of another seed in place of a piece.
    fn splice(&mut self, input: &mut Vec<u8>, range: std::ops::Range<usize>) {
        let other = &self.seeds[self.random.usize(..self.seeds.len())];
        let from = self.random.usize(..=other.len());
        input.splice(range, other[from..].iter().copied());
    }

    fn insert_word(&mut self, input: &mut Vec<u8>, at: usize) {
        if let Some(word) = self.random.choice(&self.words) {
            input.splice(at..at, word.iter().copied());
        }
    }
}

impl Iterator for Mutations {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut input = self.seeds[self.random.usize(..self.seeds.len())].clone();
        for _ in 0..self.random.usize(1..=CHANGES) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        Some(input)
    }
}

/// The words of a dictionary as libFuzzer reads it: one in quotes a line, `\xHH` for bytes.
pub fn words(dictionary: &str) -> Vec<Vec<u8>> {
    dictionary.lines().filter_map(word).collect()
}

fn word(line: &str) -> Option<Vec<u8>> {
    let mut rest = line.strip_prefix('"')?.strip_suffix('"')?;
    let mut word = Vec::new();
    while let Some(first) = rest.chars().next() {
        let escaped = rest.strip_prefix("\\x").and_then(|hex| hex.split_at_checked(2));
        if let Some((hex, behind)) = escaped {
            word.push(u8::from_str_radix(hex, 16).ok()?);
            rest = behind;
            continue;
        }
        rest = rest.strip_prefix('\\').unwrap_or(rest);
        let length = rest.chars().next().unwrap_or(first).len_utf8();
        word.extend_from_slice(&rest.as_bytes()[..length]);
        rest = &rest[length..];
    }
    Some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seeds_give_the_same_inputs() {
        let inputs =
            |seeds: Vec<Vec<u8>>| -> Vec<_> { Mutations::of(seeds, words(r#""a""#)).take(100).collect() };
        let first = inputs(vec![b"GET / HTTP/1.1".to_vec()]);
        assert_eq!(first, inputs(vec![b"GET / HTTP/1.1".to_vec()]));
        let distinct: std::collections::BTreeSet<_> = first.iter().collect();
        assert!(distinct.len() > 50, "{} of 100 inputs differ", distinct.len());
    }

    #[test]
    fn words_are_read_as_the_fuzzer_reads_them() {
        let read = words("# words\n\"a\\x0d\\\"\\\\b\"\n\nname=x\n\"\u{e9}\"\n");
        assert_eq!(read, [b"a\r\"\\b".to_vec(), "\u{e9}".as_bytes().to_vec()]);
    }
}
