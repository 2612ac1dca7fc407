//! What an exchange counts as: one number, or numbers by operation.

use std::num::NonZero;

use portcullis_document::{Node, Problem};
use smol_str::SmolStr;

use crate::decode::{Decode, Reading};
use crate::table::{Kind, Named, Word};

/// What an exchange counts as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Where no operation is named.
    pub usual: u64,
    /// By the operation's name, `POST /exports`.
    pub operations: Vec<(SmolStr, u64)>,
    /// What else it goes by.
    pub by: CostBy,
}

/// What a cost goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CostBy {
    /// The exchange alone.
    Exchange,
    /// What its GraphQL documents ask for.
    Graphql,
}

const GRAPHQL: &[Word] = &[Word {
    word: "graphql",
    about: &[
        "The fields its GraphQL documents ask for, those below a field with `first`, `last` or `limit` so many times.",
    ],
}];

impl Decode for Cost {
    const KIND: Kind = Kind::Either(&[
        Kind::Words(GRAPHQL),
        <NonZero<u64> as Decode>::KIND,
        Kind::Named(&Named { what: "operation", kind: <NonZero<u64> as Decode>::KIND }),
    ]);

    /// Operations not named cost 1.
    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        if node.as_str() == Some("graphql") {
            return Some(Self { usual: 1, operations: Vec::new(), by: CostBy::Graphql });
        }
        let Some(entries) = node.entries() else {
            let usual = NonZero::<u64>::decode(node, None, reading)?.get();
            return Some(Self { usual, operations: Vec::new(), by: CostBy::Exchange });
        };
        let decoded: Vec<Option<_>> = entries
            .iter()
            .map(|entry| {
                let cost = NonZero::<u64>::decode(&entry.value, None, reading)?.get();
                let name = entry.key.text.as_str();
                let is_operation = name
                    .split_once(' ')
                    .is_some_and(|(method, path)| !method.is_empty() && path.starts_with('/'));
                if is_operation {
                    return Some((SmolStr::new(name), cost));
                }
                let problem = Problem::error("policy.bad_name", format!("`{name}` is not an operation"));
                reading.refuse(problem.at(&entry.key.place).remedy("write it like `POST /exports`"))
            })
            .collect();
        let operations = decoded.into_iter().collect::<Option<_>>()?;
        Some(Self { usual: 1, operations, by: CostBy::Exchange })
    }
}
