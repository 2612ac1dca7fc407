//! Scratch memory that the host lends to the filter: made once, used again, the same answers with a fresh one.

use std::sync::{Mutex, PoisonError};

/// What one look at an exchange works in.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) builtin: portcullis_filter::builtin::Workspace,
    pub(crate) seclang: portcullis_filter::transaction::Workspace,
}

/// The most workspaces kept for later; more are made where more are at work, and dropped.
const KEPT: usize = 64;

/// Boxed, as what is lent is moved with every look at an exchange.
type Free = Vec<Box<Workspace>>;

/// Workspaces nobody is using. A gateway keeps one of these; the workspace used last is lent first.
#[derive(Debug, Default)]
pub struct Workspaces {
    free: Mutex<Free>,
}

impl Workspaces {
    pub(crate) fn take(&self) -> Box<Workspace> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(crate) fn give(&self, workspace: Box<Workspace>) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT {
            free.push(workspace);
        }
    }
}
