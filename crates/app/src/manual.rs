//! `portcullis completions` and `portcullis man`: what shells and `man` know of the command line, from its definition.

use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

use crate::output::{self, Audience};
use crate::{Exit, cli};

/// Prints what a shell completes by.
pub(crate) fn completions(shell: Shell) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::Cli::command(), "portcullis", &mut script);
    output::print(&String::from_utf8_lossy(&script));
    Exit::Done
}

/// Writes one page a command into a folder.
pub(crate) fn man(audience: Audience, folder: &Path) -> Result<Exit> {
    let cannot = || format!("cannot write manual pages to {}", folder.display());
    std::fs::create_dir_all(folder).with_context(cannot)?;
    clap_mangen::generate_to(cli::Cli::command(), folder).with_context(cannot)?;
    match audience {
        Audience::Programs => output::json(&json!({ "folder": folder })),
        Audience::People => output::line(&format!("{} holds a page for each command.", folder.display())),
    };
    Ok(Exit::Done)
}
