//! What learning needs to be told.

use std::path::PathBuf;
use std::sync::Arc;

use portcullis_contract::Contract;
use portcullis_inventory::Limits;
use smol_str::SmolStr;

/// How a node learns.
#[derive(Clone, Debug)]
pub struct LearnConfig {
    /// The file it is kept in; in memory only where there is none.
    pub path: Option<PathBuf>,
    /// The key of its hashes, which all nodes of a deployment share.
    pub key: u64,
    /// How much is kept.
    pub limits: Limits,
    /// The sites; what is observed of others is left out.
    pub sites: Vec<LearnSite>,
}

/// A site to learn.
#[derive(Clone, Debug)]
pub struct LearnSite {
    /// Its name.
    pub name: SmolStr,
    /// What it declares.
    pub contract: Option<Arc<Contract>>,
}
