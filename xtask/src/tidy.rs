//! `cargo xtask tidy`: formatting, lints, and the repository's own rules; the rules also run as plain tests.

mod arrows;
mod map;
mod sources;

use anyhow::{Result, bail};

use crate::process::{cargo, run};

/// Formatting and lints (warnings denied), then the rules.
pub(crate) fn enforce() -> Result<()> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))?;
    check()
}

/// The repository's own rules.
pub(crate) fn check() -> Result<()> {
    let mut breaches = arrows::breaches()?;
    breaches.extend(sources::breaches()?);
    breaches.extend(map::breaches()?);
    if breaches.is_empty() {
        return Ok(());
    }
    bail!("{} rules of the repository are broken:\n  {}", breaches.len(), breaches.join("\n  "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crate_arrows_hold() {
        assert_eq!(arrows::breaches().expect("manifests can be read"), Vec::<String>::new());
    }

    #[test]
    fn sources_keep_their_shape() {
        assert_eq!(sources::breaches().expect("sources can be read"), Vec::<String>::new());
    }

    #[test]
    fn architecture_names_every_crate() {
        assert_eq!(map::breaches().expect("documents can be read"), Vec::<String>::new());
    }
}
