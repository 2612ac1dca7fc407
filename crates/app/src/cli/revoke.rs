//! The arguments of `portcullis revoke`.

use clap::{Args, Subcommand};

/// The commands under `revoke`.
#[derive(Subcommand, Debug)]
pub(crate) enum Revoke {
    /// Take a token back, by its id (the claim `jti`).
    Token(Taken),
    /// Take everything back that proves a subject: `PROVIDER/SUBJECT`.
    Subject(Taken),
    /// Take an API key back, by its id as `portcullis key ls` shows it.
    Key(Taken),
    /// Take a client certificate back, by its SHA-256 in hexadecimal.
    Certificate(Taken),
    /// Show what is taken back.
    Ls,
    /// Give one back.
    Rm {
        /// As shown by `revoke ls`.
        credential: String,
    },
}

/// What is taken back.
#[derive(Args, Debug)]
pub(crate) struct Taken {
    /// Its name.
    pub(crate) name: String,
    /// For how long, at least until it ends by itself: `15m`, `24h`, `30d`; until it is given back if absent.
    #[arg(long = "for", value_name = "SPAN")]
    pub(crate) span: Option<String>,
    /// Why; shown by `revoke ls`.
    #[arg(long, default_value = "revoked by hand")]
    pub(crate) reason: String,
}
