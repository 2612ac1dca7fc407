//! Asking a running gateway: finds its control socket through the policy, runs the conversation.

use std::path::Path;

use anyhow::{Context, Result};
use portcullis_admin::client::{Client, ClientError};
use portcullis_document::{Sources, join};

use crate::files::FileSources;

/// Where a policy that does not say has its control socket.
const DEFAULT_SOCKET: &str = "data/portcullis.sock";

/// A client for the gateway that runs the policy at `config`.
///
/// The policy is only read for its `control.socket`, so one that is broken elsewhere still finds its gateway.
pub(crate) fn client(config: &Path) -> Result<Client> {
    let root = config.to_string_lossy();
    let documents = match FileSources.list(&root) {
        Ok(names) => names.iter().map(|name| join(&format!("{root}/"), name)).collect(),
        Err(_) => vec![root.into_owned()],
    };
    let first = documents.first().with_context(|| format!("there is no policy in {}", config.display()))?;
    anyhow::ensure!(Path::new(first).is_file(), "there is no policy {first}; -c names another");
    let named = documents.iter().find_map(|document| {
        let parsed = portcullis_document::load(document, &FileSources);
        let socket = parsed.root?.get("control")?.get("socket")?.as_str().map(str::to_owned)?;
        Some(join(document, &socket))
    });
    Ok(Client::new(Path::new(&named.unwrap_or_else(|| join(first, DEFAULT_SOCKET)))))
}

/// Runs a conversation to its end on a small runtime of its own.
pub(crate) fn ask<T>(conversation: impl Future<Output = Result<T, ClientError>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(conversation)?)
}
