//! Findings of operations that were merged or split, under the ids of what these went over into.
//!
//! Invariants: what a person said goes along, but of several findings that become one it stands only if it was said of all;
//! nothing is told anew. Following the same moves twice is following them once.

use std::collections::BTreeMap;

use portcullis_model::OperationId;
use portcullis_model::finding::Finding;
use rusqlite::{TransactionBehavior, params};
use smol_str::SmolStr;

use super::FindingsError;
use super::file::{FindingFile, parsed, read, write};

/// By site and former id, the id an operation has now.
pub(super) type Moves = BTreeMap<(SmolStr, OperationId), OperationId>;

/// The finding under the id it has now, if its operation moved.
pub(super) fn moved(finding: &Finding, moves: &Moves) -> Option<Finding> {
    let operation = finding.operation.as_ref()?;
    let new = moves.get(&(finding.site.clone(), operation.id.clone())).filter(|new| **new != operation.id)?;
    Some(finding.clone().of_operation(new.clone()))
}

impl FindingFile {
    /// Has findings follow their operations.
    pub(super) fn follow(&mut self, moves: &Moves) -> Result<(), FindingsError> {
        if moves.is_empty() {
            return Ok(());
        }
        let writing = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let all: Vec<String> = {
            let mut asked = writing.prepare_cached("select finding from findings")?;
            let texts = asked.query_map([], |row| row.get(0))?;
            texts.collect::<Result<_, _>>()?
        };
        for text in all {
            let former = parsed(&text)?;
            let Some(mut now) = moved(&former, moves) else { continue };
            if let Some(known) = read(&writing, &now.id)? {
                now = known.joined(now);
            }
            write(&writing, &now)?;
            writing.execute("delete from findings where id = ?1", [former.id.as_str()])?;
            writing.execute(
                "update notices set finding = ?2 where finding = ?1",
                params![former.id.as_str(), now.id.as_str()],
            )?;
        }
        Ok(writing.commit()?)
    }
}
