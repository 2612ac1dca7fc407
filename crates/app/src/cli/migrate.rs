//! The command line of `migrate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Options of `migrate`.
#[derive(Args, Debug)]
pub(crate) struct Migrate {
    /// Whose configuration it is.
    pub(crate) from: MigrateFrom,
    /// Its files: the main one is enough, what they include is read too.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Write the policy there instead of to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the file if it is there.
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
    /// Where clients connect, if the configuration does not say.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub(crate) listen: String,
    /// The server behind it, if the configuration does not say.
    #[arg(long, default_value = "http://127.0.0.1:9000", value_name = "URL")]
    pub(crate) upstream: String,
}

/// What can be migrated from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MigrateFrom {
    /// nginx: `nginx.conf` and what it includes.
    Nginx,
    /// ModSecurity: its settings and rule files (SecLang).
    Modsecurity,
    /// Kong: its declarative configuration (YAML or JSON).
    Kong,
}
