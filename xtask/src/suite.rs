//! `cargo xtask test`: install what the tests need, then run all of them.

use anyhow::{Context, Result};
use clap::Args;

use crate::process::{cargo, is_installed, root, run};
use crate::{install, tidy, valkey};

/// Options of `cargo xtask test`.
#[derive(Args, Default)]
pub(crate) struct Test {
    /// Only the tests whose name contains this.
    filter: Option<String>,
}

impl Test {
    /// Runs the suite, with nextest where it is present.
    pub(crate) fn run(&self) -> Result<()> {
        install::ensure(install::FOR_TESTS)?;
        let nextest = is_installed("cargo-nextest");
        let mut command = if nextest {
            cargo(&["nextest", "run", "--workspace", "--no-fail-fast"])
        } else {
            cargo(&["test", "--workspace", "--no-fail-fast"])
        };
        if let Some(corpora) = corpora()? {
            command.env("PORTCULLIS_CORPORA", corpora);
        }
        if let Some(valkey) = valkey::server() {
            command.env("PORTCULLIS_VALKEY", valkey);
        }
        if let Some(browser) = install::browser() {
            command.env("PORTCULLIS_CHROMIUM", browser);
        }
        command.env("PORTCULLIS_OPENAPI_VALIDATOR", install::openapi_validator()?);
        command.env("PORTCULLIS_COUNTRIES", install::countries()?);
        command.env("PORTCULLIS_HELM", install::helm()?);
        command.env("PORTCULLIS_KUBERNETES_VALIDATE", install::kubernetes_validate()?);
        command.args(&self.filter);
        run(&mut command)?;
        if self.filter.is_none() {
            tidy::check()?;
        }
        Ok(())
    }
}

/// Where the test material is: `PORTCULLIS_CORPORA`, made absolute, because tests run in their own folders.
fn corpora() -> Result<Option<std::path::PathBuf>> {
    let Some(given) = std::env::var_os("PORTCULLIS_CORPORA") else { return Ok(None) };
    let folder = root().join(&given);
    let folder = folder
        .canonicalize()
        .with_context(|| format!("PORTCULLIS_CORPORA names {}, which is not there", folder.display()))?;
    Ok(Some(folder))
}
