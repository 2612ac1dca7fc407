//! The commands under `portcullis api`; parsing only.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Adopt, OneOperation};

/// The commands under `api`.
#[derive(Subcommand, Debug)]
pub(crate) enum Api {
    /// List operations.
    Ls(Which),
    /// Show all that is known of an operation.
    Show(OneOperation),
    /// Write a site's operations as an OpenAPI 3.1 document.
    Export(Which),
    /// Look for what is risky in OpenAPI documents: no authentication, no bounds, credentials in URLs.
    #[command(
        after_help = "Examples:\n  portcullis api lint openapi.yaml\n  portcullis api lint --site shop --level info\n  \
        portcullis api lint openapi.yaml --json\n\nExits 1 where a flaw is of the level of --fail or graver."
    )]
    Lint(Lint),
    /// Tell a site's traffic and contract apart, or two versions of a document.
    #[command(
        after_help = "Examples:\n  portcullis api diff shop\n  portcullis api diff openapi.old.yaml openapi.yaml\n  \
        portcullis api diff v1.yaml v2.yaml --breaking --json\n\nOf a site: what was called and is not declared, what is \
        declared and was never seen; exits 1 where\nsomething is not declared. Of two documents: what came, went and \
        changed; exits 1 where something breaks clients."
    )]
    Diff(Diff),
    /// Write learned operations into an OpenAPI document: prints the change as a diff to review.
    #[command(after_help = "Examples:\n  portcullis api adopt 'GET /reports/{reportId}'\n  \
        portcullis api adopt 'GET /reports/{reportId}' --into openapi.yaml --write\n\nThe document keeps its text, order \
        and comments. Read what was learned before you declare it.")]
    Adopt(Adopt),
    /// Put an operation out of mind: it raises no findings any more and is in no list of shadows.
    Ignore {
        /// Which.
        #[command(flatten)]
        operation: OneOperation,
        /// Hear of it again.
        #[arg(long)]
        undo: bool,
    },
    /// Hear again of an operation that was ignored.
    Watch(OneOperation),
    /// Write what was learned of undeclared operations as a document that the policy can name (`frozen`): requests that
    /// are otherwise are watched, and refused once it is promoted.
    #[command(after_help = "Examples:\n  portcullis api freeze 'POST /orders/{orderId}/refunds'\n  \
        portcullis api freeze --standing shadow --site shop\n\nWrites frozen/SITE.yaml beside the policy. Exits 1 if nothing is meant.")]
    Freeze(Freeze),
    /// Enforce operations that were frozen, from watching on; `--back` watches them again.
    #[command(
        after_help = "Examples:\n  portcullis api promote 'POST /orders/{orderId}/refunds'\n  portcullis api promote --all --back\n\n\
        Changes a word of frozen/SITE.yaml; a running gateway takes it up at once."
    )]
    Promote(Promote),
    /// Say that what stands last in a path is a value: `/users/{user}` for all words there, `/users/anna` for one.
    Merge(Template),
    /// Say that what stands last in a path is a name, an operation of its own: `/users/online`.
    Split(Template),
}

/// Options of `api freeze`.
#[derive(Args, Debug)]
pub(crate) struct Freeze {
    /// The operation's id, or its name: `GET /customers/{customerId}`.
    pub(crate) operation: Option<String>,
    /// Every operation that stands so.
    #[arg(long, value_parser = ["shadow", "zombie"])]
    pub(crate) standing: Option<String>,
    /// The site; may be left out where there is one only.
    #[arg(long)]
    pub(crate) site: Option<String>,
    /// Write this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Take what is known now of operations that are frozen already; they are watched again.
    #[arg(long)]
    pub(crate) again: bool,
}

/// Options of `api promote`.
#[derive(Args, Debug)]
pub(crate) struct Promote {
    /// The operation's id, or its name.
    #[arg(conflicts_with = "all")]
    pub(crate) operation: Option<String>,
    /// Every operation of the site that is frozen.
    #[arg(long)]
    pub(crate) all: bool,
    /// The site; may be left out where only one has frozen operations.
    #[arg(long)]
    pub(crate) site: Option<String>,
    /// The file they are in.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Only watch them again.
    #[arg(long)]
    pub(crate) back: bool,
}

/// Options of `api diff`.
#[derive(Args, Debug)]
pub(crate) struct Diff {
    /// The site; or the older version of a document.
    #[arg(value_name = "SITE|OLD")]
    pub(crate) old: PathBuf,
    /// The newer version.
    pub(crate) new: Option<PathBuf>,
    /// Show only what breaks clients.
    #[arg(long, requires = "new")]
    pub(crate) breaking: bool,
}

/// Options of `api lint`.
#[derive(Args, Debug)]
pub(crate) struct Lint {
    /// The documents; those of the policy's sites if none is named.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Only the contract of this site.
    #[arg(long, conflicts_with = "files")]
    pub(crate) site: Option<String>,
    /// Show what is so grave or graver.
    #[arg(long, value_enum, default_value_t = Level::Low, value_name = "LEAST")]
    pub(crate) level: Level,
    /// Exit 1 where something is so grave or graver.
    #[arg(long, value_enum, default_value_t = Level::High, value_name = "LEAST")]
    pub(crate) fail: Level,
    /// Show every place, not the first of each rule.
    #[arg(long)]
    pub(crate) all: bool,
}

/// How much a flaw matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    /// Good to know.
    Info,
    /// To be mended some day.
    Low,
    /// To be mended soon.
    Medium,
    /// To be mended now.
    High,
}

/// A path to decide about; what is decided is remembered, and evidence does not undo it.
#[derive(Args, Debug)]
pub(crate) struct Template {
    /// The path, parameters in braces.
    pub(crate) path: String,
    /// The site; may be left out where there is one only.
    #[arg(long)]
    pub(crate) site: Option<String>,
}

/// Which operations.
#[derive(Args, Debug)]
pub(crate) struct Which {
    /// Only of this site; `export` needs it where there are several.
    #[arg(long)]
    pub(crate) site: Option<String>,
    /// Only what stands so.
    #[arg(long, value_parser = ["documented", "shadow", "zombie", "dormant"])]
    pub(crate) standing: Option<String>,
    /// Only those for which a condition holds: `standing == SHADOW && data.contains("email")` (docs/conditions.md).
    #[arg(long = "where", value_name = "CONDITION")]
    pub(crate) condition: Option<String>,
}
