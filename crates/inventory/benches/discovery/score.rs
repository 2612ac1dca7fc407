//! What was learned held against what is true.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_inventory::Inventory;

use crate::document::{Document, erased};
use crate::traffic::Exchange;

/// Sums over one document or several.
#[derive(Default)]
pub(crate) struct Score {
    templates: usize,
    exact: usize,
    literals: usize,
    kept: usize,
    requests: usize,
    merged: usize,
    found: usize,
    missing: Vec<String>,
    surplus: Vec<String>,
}

impl Score {
    pub(crate) fn of(document: &Document, exchanges: &[Exchange], inventory: &Inventory) -> Self {
        let learned: BTreeSet<String> = inventory.operations.iter().map(learned_shape).collect();
        let mut score = Self { found: inventory.operations.len(), ..Self::default() };
        let mut truths = BTreeSet::new();
        for declared in &document.operations {
            let shape = declared.shape();
            let is_found = learned.contains(&shape);
            let (all, good) = if declared.is_parameterised() {
                (&mut score.templates, &mut score.exact)
            } else {
                (&mut score.literals, &mut score.kept)
            };
            *all += 1;
            *good += usize::from(is_found);
            if !is_found {
                score.missing.push(shape.clone());
            }
            truths.insert(shape);
        }
        score.surplus = learned.into_iter().filter(|shape| !truths.contains(shape)).collect();
        score.count_merged(exchanges, inventory);
        score
    }

    /// Requests that were put into one operation with requests of another, all of them.
    fn count_merged(&mut self, exchanges: &[Exchange], inventory: &Inventory) {
        let mut clusters: BTreeMap<&str, BTreeMap<usize, usize>> = BTreeMap::new();
        for exchange in exchanges {
            let Some(truth) = exchange.truth else { continue };
            self.requests += 1;
            if let Some(operation) = inventory.find(&exchange.observation) {
                *clusters.entry(operation.id.as_str()).or_default().entry(truth).or_default() += 1;
            }
        }
        let mixed = clusters.values().filter(|truths| truths.len() > 1);
        self.merged = mixed.flat_map(BTreeMap::values).sum();
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.templates += other.templates;
        self.exact += other.exact;
        self.literals += other.literals;
        self.kept += other.kept;
        self.requests += other.requests;
        self.merged += other.merged;
        self.found += other.found;
    }

    pub(crate) fn row(&self, name: &str) -> String {
        let share = |part: usize, all: usize| 100.0 * part as f64 / all.max(1) as f64;
        format!(
            "| {name} | {} | {:.1}% | {} | {:.1}% | {:.2}% | {:.2} |",
            self.templates,
            share(self.exact, self.templates),
            self.literals,
            share(self.kept, self.literals),
            share(self.merged, self.requests),
            self.found as f64 / (self.templates + self.literals).max(1) as f64,
        )
    }

    /// What was missed and what was found instead.
    pub(crate) fn tell(&self) {
        for shape in &self.missing {
            println!("  missing {shape}");
        }
        for shape in self.surplus.iter().take(80) {
            println!("  surplus {shape}");
        }
    }
}

fn learned_shape(operation: &portcullis_inventory::Operation) -> String {
    let segments = operation.path.trim_start_matches('/').split('/');
    segments.fold(operation.method.to_string() + " ", |shape, segment| shape + "/" + &erased(segment))
}
