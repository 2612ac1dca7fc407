//! A site as it was drawn last: its operations, and where each stands.

use portcullis_contract::Contract;
use portcullis_inventory::{Assessment, Fold, Inventory};
use portcullis_model::{OperationId, Timestamp};

/// Everything known of a site at one time.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// What was called and answered.
    pub inventory: Inventory,
    /// Every operation that was called or is declared, by path and method.
    pub assessments: Vec<Assessment>,
    /// Whether paths had to be left out for want of room.
    pub is_full: bool,
    /// Whether calls by name had to be.
    pub is_full_of_calls: bool,
}

impl Drawn {
    /// What a fold says at a time, held against the contract.
    pub fn of(fold: &Fold, contract: Option<&Contract>, now: Timestamp) -> Self {
        let inventory = Inventory::of(fold, contract);
        let assessments = inventory.assess(contract, now);
        let (is_full, is_full_of_calls) = (fold.is_full(), fold.is_full_of_calls());
        Self { inventory, assessments, is_full, is_full_of_calls }
    }

    /// The operation of an id, if it was called; also of an id it had before it was merged or split.
    pub fn operation(&self, id: &OperationId) -> Option<&portcullis_inventory::Operation> {
        self.inventory.operation(id)
    }
}
