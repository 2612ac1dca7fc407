//! Counting different values in bounded memory: exactly while there are few, by HyperLogLog beyond.
//!
//! Invariants: the state is a pure function of the set of values and the smallest bound merged, so merging is
//! commutative, associative and idempotent, and equal states have equal bytes, whatever the order; the standard
//! error past the bound is 1.6%. It does not know what the values are: hashes, made elsewhere.

mod registers;

use registers::Registers;

/// The most values that are kept exactly, whatever is asked for.
pub const MOST_EXACT: u32 = 16_384;

/// A count of different values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distinct {
    exact: u32,
    form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// Sorted, each once.
    Exact(Vec<u64>),
    Estimated(Box<Registers>),
}

/// Whether a value was new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It was; once estimated: it may have been, and the estimate grew.
    New,
    /// It was counted already, or changed nothing.
    Known,
}

impl Distinct {
    /// An empty set that keeps up to `exact` values exactly (at most [`MOST_EXACT`]).
    pub fn new(exact: u32) -> Self {
        Self { exact: exact.min(MOST_EXACT), form: Form::Exact(Vec::new()) }
    }

    /// Adds a value.
    pub fn add(&mut self, value: u64) -> Added {
        match &mut self.form {
            Form::Exact(values) => {
                let Err(place) = values.binary_search(&value) else { return Added::Known };
                values.insert(place, value);
                self.keep_bound();
                Added::New
            }
            Form::Estimated(registers) => registers.add(value),
        }
    }

    /// How many different values were added: exactly up to the bound, estimated beyond.
    pub fn count(&self) -> u64 {
        match &self.form {
            Form::Exact(values) => values.len() as u64,
            Form::Estimated(registers) => registers.estimate().max(u64::from(self.exact) + 1),
        }
    }

    /// Adds every value of another set; of the two bounds the smaller holds.
    pub fn merge(&mut self, other: &Self) {
        self.exact = self.exact.min(other.exact);
        match (&mut self.form, &other.form) {
            (Form::Exact(values), Form::Exact(others)) => {
                values.extend_from_slice(others);
                values.sort_unstable();
                values.dedup();
            }
            (Form::Estimated(registers), Form::Exact(others)) => {
                for value in others {
                    registers.add(*value);
                }
            }
            (Form::Exact(values), Form::Estimated(others)) => {
                let mut registers = others.clone();
                for value in values {
                    registers.add(*value);
                }
                self.form = Form::Estimated(registers);
            }
            (Form::Estimated(registers), Form::Estimated(others)) => registers.merge(others),
        }
        self.keep_bound();
    }

    /// The canonical bytes: version 1, form, bound (little endian), then the sorted values (little endian) or the
    /// registers.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (form, body) = match &self.form {
            Form::Exact(values) => (EXACT, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
            Form::Estimated(registers) => (ESTIMATED, registers.as_bytes().to_vec()),
        };
        let mut bytes = vec![VERSION, form];
        bytes.extend(self.exact.to_le_bytes());
        bytes.extend(body);
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let ([VERSION, form, bound @ ..], body) = bytes.split_first_chunk::<6>()? else { return None };
        let exact = u32::from_le_bytes(*bound);
        let form = match *form {
            EXACT => {
                let (values, []) = body.as_chunks::<8>() else { return None };
                let values: Vec<u64> = values.iter().map(|value| u64::from_le_bytes(*value)).collect();
                let canonical = values.len() <= exact as usize && values.is_sorted_by(|a, b| a < b);
                canonical.then_some(Form::Exact(values))?
            }
            ESTIMATED => Form::Estimated(Box::new(Registers::from_bytes(body)?)),
            _ => return None,
        };
        (exact <= MOST_EXACT).then_some(Self { exact, form })
    }

    /// Bytes taken on the heap, about.
    pub fn weight(&self) -> usize {
        match &self.form {
            Form::Exact(values) => values.capacity() * size_of::<u64>(),
            Form::Estimated(_) => size_of::<Registers>(),
        }
    }

    /// Goes over to estimating once there are more values than are kept exactly.
    fn keep_bound(&mut self) {
        if let Form::Exact(values) = &self.form
            && values.len() > self.exact as usize
        {
            let mut registers = Box::<Registers>::default();
            for value in values {
                registers.add(*value);
            }
            self.form = Form::Estimated(registers);
        }
    }
}

const VERSION: u8 = 1;
const EXACT: u8 = 0;
const ESTIMATED: u8 = 1;

#[cfg(test)]
mod tests;
