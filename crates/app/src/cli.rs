//! The command line: what can be asked, with examples; parsing only.
//!
//! Invariants: every command takes `--config` and `--json`; the exit code is 0 (yes, done), 1 (the answer is no)
//! or 2 (used wrongly). Does not know how anything is carried out.

mod api;
#[cfg(test)]
mod documents;
mod migrate;
mod operations;
mod revoke;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use api::{Api, Diff, Freeze, Level, Lint, Promote, Template, Which};
pub(crate) use migrate::{Migrate, MigrateFrom};
pub(crate) use operations::{Adopt, OneOperation};
pub(crate) use revoke::{Revoke, Taken};

/// An API security gateway: sees every API, knows every caller, stops what should not happen.
#[derive(Parser, Debug)]
#[command(
    name = "portcullis",
    version,
    max_term_width = 100,
    propagate_version = true,
    after_help = "A first start, with a policy of two lines:\n  \
        listen: [{ address: 127.0.0.1:8080 }]\n  \
        sites: { shop: { hosts: [\"*\"], upstream: { servers: [http://127.0.0.1:9000] } } }\n\n  \
        portcullis check && portcullis serve"
)]
pub(crate) struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub(crate) common: Common,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Args, Debug)]
pub(crate) struct Common {
    /// The policy: a YAML file, or a folder of them.
    #[arg(short, long, global = true, default_value = "portcullis.yaml", value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Print for programs: JSON, stable.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run the gateway until it is told to stop (SIGTERM drains, SIGHUP reloads).
    #[command(
        after_help = "Examples:\n  portcullis serve\n  portcullis serve -c /etc/portcullis/shop.yaml\n  \
        kill -HUP $(pidof portcullis)   # reload; the policy file is also watched"
    )]
    Serve(Serve),
    /// Have the running gateway read its policy again, and every gateway that shares its state its own.
    #[command(after_help = "Examples:\n  portcullis reload\n  portcullis reload --here\n\n\
        Exits 1 if the policy has mistakes (nothing is changed then, and nobody else is told), or if the others\n\
        could not be told.")]
    Reload(Reload),
    /// Check a policy: every mistake at once, each with its place; and the phase each rule runs in.
    #[command(after_help = "Examples:\n  portcullis check\n  portcullis check -c policies/ --json\n\n\
        Exits 1 if there are mistakes.")]
    Check,
    /// Look for what is wrong around the policy: the machine, certificates, servers; and say what to do.
    #[command(after_help = "Examples:\n  portcullis doctor\n  portcullis doctor --json | jq .troubles\n\n\
        Changes nothing; connects to upstreams, and sends them nothing. Exits 1 if it finds anything.")]
    Doctor,
    /// Make a folder for those who help: the shape of policy, machine, counters and metrics, naming nobody.
    #[command(after_help = "Examples:\n  portcullis bundle help-2026-11\n\n\
        Texts the program does not know (names, hosts, paths, conditions) become pseudonyms; secrets, events and\n\
        contracts are not read. Look through it before you hand it on.")]
    Bundle(Bundle),
    /// Print the effective policy of a site, or of one request, and where each value came from.
    #[command(
        after_help = "Examples:\n  portcullis explain shop\n  portcullis explain shop GET /customers/42"
    )]
    Explain(Explain),
    /// Run recorded traffic through the policy, offline: what would be decided, and why.
    #[command(
        after_help = "Examples:\n  portcullis replay traffic.har\n  portcullis replay traffic.har --json | jq .verdict\n  \
        portcullis replay recorded.jsonl -c stricter.yaml\n\n\
        Reads HAR 1.2 (browsers and proxies export it) or JSON lines, one exchange a line."
    )]
    Replay(Replay),
    /// Find the APIs in recorded traffic, and write them as an OpenAPI 3.1 document.
    #[command(
        after_help = "Examples:\n  portcullis discover traffic.har > openapi.yaml\n  portcullis discover traffic.har --json\n  \
        portcullis discover traffic.har --table\n  \
        portcullis discover traffic.jsonl --contract openapi.yaml --only shadow\n\n\
        Reads HAR 1.2 or JSON lines, as `replay` does. Nothing is sent anywhere and no policy is needed."
    )]
    Discover(Discover),
    /// Show events: what was decided about each exchange, newest last.
    #[command(after_help = "Examples:\n  portcullis events --limit 20\n  portcullis events --follow\n  \
        portcullis events --where 'verdict == \"block\" && tag(\"api:shadow\")'\n  \
        portcullis events --since 2h --where 'caller == \"ip:203.0.113.9\"' --json\n  \
        portcullis events --id 01JD3Z6T9V8Q4M2N7R5C1B0XKA")]
    Events(Events),
    /// Show the APIs learned from traffic, each with its standing; export them as OpenAPI.
    #[command(
        subcommand,
        after_help = "Examples:\n  portcullis api ls\n  portcullis api ls --standing shadow --json\n  \
        portcullis api show 'GET /customers/{customerId}'\n  portcullis api export --site shop > learned.yaml\n\n\
        Asks the running gateway, or reads its files where none runs."
    )]
    Api(Api),
    /// Show what was found out about the sites' APIs: undeclared operations, sensitive data, what changed.
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Examples:\n  portcullis findings\n  portcullis findings --severity high --since 24h\n  \
        portcullis findings --all --json | jq .title\n  portcullis findings show 3f9c\n  \
        portcullis findings ack 3f9c\n  portcullis findings mute 3f9c --for 7d\n\n\
        Lists open findings, the gravest first. Asks the running gateway, or its files where none runs.\n\
        An id may be cut as long as only one finding's begins with it. Exits 1 if there is no such finding."
    )]
    Findings(Findings),
    /// Show live what is called, by whom, with which verdicts and how fast.
    #[command(
        after_help = "Examples:\n  portcullis top\n  portcullis top --once\n  portcullis top --window 15m --json"
    )]
    Top(Top),
    /// Set, show or lift bans.
    #[command(
        subcommand,
        after_help = "Examples:\n  portcullis ban add 203.0.113.9 --for 1h --reason 'scraping'\n  \
        portcullis ban add identity:partners/acme --site shop\n  portcullis ban ls\n  portcullis ban rm 203.0.113.9"
    )]
    Ban(Ban),
    /// Take credentials back, on every gateway that shares the state: tokens, subjects, API keys, certificates.
    #[command(
        subcommand,
        after_help = "Examples:\n  portcullis revoke token 5f1c0d6e --for 24h --reason 'lost phone'\n  \
        portcullis revoke subject customers/anna\n  portcullis revoke key key-3f9c01ab\n  portcullis revoke ls\n  \
        portcullis revoke rm token:5f1c0d6e\n\n\
        What is revoked proves nothing from then on; it is kept and told to the other gateways as bans are."
    )]
    Revoke(Revoke),
    /// Limits: propose them from recorded traffic.
    #[command(
        subcommand,
        after_help = "Examples:\n  portcullis limits suggest --since 14d\n  \
        portcullis limits suggest --site shop --json | jq -r '.limits[].line'"
    )]
    Limits(Limits),
    /// Make, show or revoke API keys (kept as keyed hashes in the provider's keys file).
    #[command(
        subcommand,
        after_help = "Examples:\n  portcullis key new --provider partners --subject acme --group orders\n  \
        portcullis key ls --provider partners\n  portcullis key revoke --provider partners k_7Q2M"
    )]
    Key(Key),
    /// Try texts and requests on the content filter; find the exclusion that lets one past.
    #[command(
        subcommand,
        after_help = "Examples:\n  portcullis filter try \"1' OR '1'='1\"\n  \
        portcullis filter try --as json --site shop '<script>alert(1)</script>'\n  \
        portcullis filter try < request.txt          # a raw HTTP/1 request\n  \
        portcullis filter explain 01JD3Z6T9V8Q4M2N7R5C1B0XKA"
    )]
    Filter(Filter),
    /// Work on rules of the content filter: run tests of them.
    #[command(
        subcommand,
        after_help = "Examples:\n  portcullis rules test tests/\n  portcullis rules test tests/ --only 942 --json\n  \
        portcullis rules test tests/ --overrides known.yaml\n\n\
        Reads go-ftw's format. Exits 1 if a test fails."
    )]
    Rules(Rules),
    /// Turn another gateway's configuration into a policy, and report what could not be carried over.
    #[command(
        after_help = "Examples:\n  portcullis migrate nginx /etc/nginx/nginx.conf --out portcullis.yaml\n  \
        portcullis migrate modsecurity /etc/modsecurity/main.conf --upstream http://10.0.0.5:9000 > portcullis.yaml\n  \
        portcullis migrate nginx nginx.conf --json | jq '.notes[] | select(.outcome == \"refused\")'\n\n\
        What protects and could not be carried over is refused in the policy (`todo`), never left open. The policy is\n\
        checked at once; exits 1 if it has mistakes or the configuration cannot be read."
    )]
    Migrate(Migrate),
    /// Print what a shell completes commands by.
    #[command(
        after_help = "Examples:\n  portcullis completions bash > /etc/bash_completion.d/portcullis\n  \
        portcullis completions fish > ~/.config/fish/completions/portcullis.fish"
    )]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write manual pages, one a command.
    #[command(after_help = "Examples:\n  portcullis man /usr/local/share/man/man1 && man portcullis-doctor")]
    Man {
        /// Where to; made if it is not there.
        folder: PathBuf,
    },
    /// Print a JSON Schema: of the policy (for editors) or of events.
    #[command(
        after_help = "Examples:\n  portcullis schema policy > portcullis.schema.json\n  portcullis schema event"
    )]
    Schema(Schema),
}

/// Options of `serve`.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// How much is logged to standard error: error, warn, info, debug, or directives as in `RUST_LOG`.
    #[arg(long, default_value = "info", value_name = "LEVEL")]
    pub(crate) log: String,
    /// Do not watch the policy's files; reload only on SIGHUP.
    #[arg(long)]
    pub(crate) no_watch: bool,
    /// Go on in place of the gateway that runs with this policy: it hands its listening sockets over and drains, and
    /// no request fails. Where none runs, start as always.
    #[arg(long)]
    pub(crate) takeover: bool,
}

/// Options of `reload`.
#[derive(Args, Debug)]
pub(crate) struct Reload {
    /// Only the gateway of this policy.
    #[arg(long)]
    pub(crate) here: bool,
}

/// Options of `bundle`.
#[derive(Args, Debug)]
pub(crate) struct Bundle {
    /// The folder; must not be there yet.
    pub(crate) folder: PathBuf,
}

/// Options of `explain`.
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// The site, by its name in the policy.
    pub(crate) site: String,
    /// A request's method; then its path has to follow.
    #[arg(requires = "path")]
    pub(crate) method: Option<String>,
    /// A request's path.
    pub(crate) path: Option<String>,
}

/// Options of `replay`.
#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// HAR 1.2, or JSON lines of exchanges; `-` reads standard input.
    pub(crate) file: PathBuf,
    /// Show only exchanges for which this condition over their events holds.
    #[arg(long = "where", value_name = "CONDITION")]
    pub(crate) condition: Option<String>,
}

/// Options of `discover`.
#[derive(Args, Debug)]
pub(crate) struct Discover {
    /// HAR 1.2, or JSON lines of exchanges; `-` reads standard input.
    pub(crate) file: PathBuf,
    /// The OpenAPI document that declares what is known; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) contract: Vec<PathBuf>,
    /// Only operations that stand so against the contract.
    #[arg(long, value_name = "STANDING")]
    pub(crate) only: Option<Standing>,
    /// Only exchanges with this host; may be given several times.
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Vec<String>,
    /// What the site is called: ids of operations depend on it.
    #[arg(long, default_value = "recorded", value_name = "NAME")]
    pub(crate) site: String,
    /// Write the document as YAML, which is what happens anyway.
    #[arg(long, conflicts_with_all = ["json", "table"])]
    pub(crate) yaml: bool,
    /// Print a table for people instead of the document.
    #[arg(long, conflicts_with = "json")]
    pub(crate) table: bool,
}

/// Where operations stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Standing {
    /// Declared and called.
    Documented,
    /// Called and not declared.
    Shadow,
    /// Called though deprecated, retired or replaced.
    Zombie,
    /// Declared and not called.
    Dormant,
}

/// Options of `events`.
#[derive(Args, Debug)]
pub(crate) struct Events {
    /// Only events for which this condition holds (the language of rules).
    #[arg(long = "where", value_name = "CONDITION")]
    pub(crate) condition: Option<String>,
    /// Only this event.
    #[arg(long, conflicts_with_all = ["condition", "follow"])]
    pub(crate) id: Option<String>,
    /// Not older than this: a span such as `15m`, `2h`, `7d`, or a time (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Not newer than this.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
    /// Go on showing events as they come.
    #[arg(short, long)]
    pub(crate) follow: bool,
}

/// Options of `findings`, and the commands under it.
#[derive(Args, Debug)]
pub(crate) struct Findings {
    /// Which are listed.
    #[command(flatten)]
    pub(crate) which: FindingsWhich,
    /// What is done with one.
    #[command(subcommand)]
    pub(crate) command: Option<FindingCommand>,
}

/// Which findings are listed.
#[derive(Args, Debug)]
pub(crate) struct FindingsWhich {
    /// Those too that were acknowledged or muted.
    #[arg(long)]
    pub(crate) all: bool,
    /// Only of this site.
    #[arg(long)]
    pub(crate) site: Option<String>,
    /// Only of this kind: `shadow_operation`, `sensitive_field`, …
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Only what matters so much or more: info, low, medium, high, critical.
    #[arg(long, value_name = "LEAST")]
    pub(crate) severity: Option<String>,
    /// Only what was met since then: a span such as `24h`, `7d`, or a time (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
}

/// The commands under `findings`.
#[derive(Subcommand, Debug)]
pub(crate) enum FindingCommand {
    /// Show one with its reasons and evidence.
    Show {
        /// Its id, or the beginning of it.
        id: String,
    },
    /// Acknowledge one: it is known, and heard of again only when it becomes worse.
    Ack {
        /// Its id, or the beginning of it.
        id: String,
    },
    /// Mute one, for a time or for good.
    Mute {
        /// Its id, or the beginning of it.
        id: String,
        /// For how long: `12h`, `7d`; for good if absent.
        #[arg(long = "for", value_name = "SPAN")]
        span: Option<String>,
    },
    /// Open one again that was acknowledged or muted.
    Reopen {
        /// Its id, or the beginning of it.
        id: String,
    },
}

/// Options of `top`.
#[derive(Args, Debug)]
pub(crate) struct Top {
    /// Print one picture and stop.
    #[arg(long)]
    pub(crate) once: bool,
    /// How far to look back, in whole minutes.
    #[arg(long, default_value = "5m", value_name = "SPAN")]
    pub(crate) window: String,
    /// Rows of each table.
    #[arg(long, default_value_t = 12)]
    pub(crate) rows: usize,
}

/// The commands under `limits`.
#[derive(Subcommand, Debug)]
pub(crate) enum Limits {
    /// Propose a limit for each operation, from the busiest minutes of its callers, and say what it would have refused.
    Suggest(Suggest),
}

/// What limits are proposed from.
#[derive(Args, Debug)]
pub(crate) struct Suggest {
    /// From when on: `7d`, or a time.
    #[arg(long, default_value = "7d", value_name = "TIME")]
    pub(crate) since: String,
    /// Only of this site.
    #[arg(long)]
    pub(crate) site: Option<String>,
    /// Only for operations that were called so often.
    #[arg(long, default_value_t = 100, value_name = "COUNT")]
    pub(crate) at_least: u64,
}

/// The commands under `ban`.
#[derive(Subcommand, Debug)]
pub(crate) enum Ban {
    /// Refuse a caller for a time.
    Add {
        /// An address, a network, an identity (`identity:PROVIDER/SUBJECT`), an API key (`key:ID`), a session
        /// (`session:COOKIE`: the cookie's value is read from standard input), or any tag (`ja4:FINGERPRINT`,
        /// `client:curl`).
        key: String,
        /// For how long: `15m`, `24h`, `30d`.
        #[arg(long = "for", default_value = "1h", value_name = "SPAN")]
        span: String,
        /// Only at this site; everywhere if absent.
        #[arg(long)]
        site: Option<String>,
        /// Why; shown in events.
        #[arg(long, default_value = "set by hand")]
        reason: String,
    },
    /// Show the bans in force.
    Ls,
    /// Lift a ban.
    Rm {
        /// As shown by `ban ls`; or as for `add`.
        key: String,
        /// The site it was set for; the ban for every site if absent.
        #[arg(long)]
        site: Option<String>,
    },
}

/// The commands under `key`.
#[derive(Subcommand, Debug)]
pub(crate) enum Key {
    /// Make a key; it is printed once and kept only as a hash.
    New {
        /// The `api_key` provider, by its name under `identity`; may be left out if there is only one.
        #[arg(long)]
        provider: Option<String>,
        /// Whom it stands for.
        #[arg(long)]
        subject: String,
        /// A group it belongs to; may be repeated.
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<String>,
        /// A scope it has, as operations ask for them; may be repeated.
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// Ends after this time: `90d`; never if absent.
        #[arg(long, value_name = "SPAN")]
        expires: Option<String>,
    },
    /// Show keys: ids, prefixes, subjects, last uses; never the keys.
    Ls {
        /// The provider; all if absent.
        #[arg(long)]
        provider: Option<String>,
    },
    /// Make a key in the place of another; both work until the overlap ends.
    Rotate {
        /// The provider; may be left out if there is only one.
        #[arg(long)]
        provider: Option<String>,
        /// The id of the key that goes, as `key ls` shows it.
        id: String,
        /// How long the old key still works; one that ends sooner is not prolonged.
        #[arg(long, value_name = "SPAN", default_value = "7d")]
        overlap: String,
        /// The new key ends after this time: `90d`; never if absent.
        #[arg(long, value_name = "SPAN")]
        expires: Option<String>,
    },
    /// Revoke a key.
    Revoke {
        /// The provider; may be left out if there is only one.
        #[arg(long)]
        provider: Option<String>,
        /// The key's id, as `key ls` shows it.
        id: String,
    },
}

/// The commands under `filter`.
#[derive(Subcommand, Debug)]
pub(crate) enum Filter {
    /// Show every rule that sees a text, or a raw request on standard input, and why. Nothing is sent anywhere.
    Try {
        /// The text; without it a request is read from standard input.
        text: Option<String>,
        /// Where in a request the text stands.
        #[arg(long = "as", value_enum, default_value_t = PutAs::Query, requires = "text")]
        put: PutAs,
        /// The site whose filter is asked; the request's own by its host, else the first.
        #[arg(long)]
        site: Option<String>,
        /// The path of the request, for a route's filter.
        #[arg(long, default_value = "/", requires = "text")]
        path: String,
    },
    /// Show what matched in an exchange, and print the smallest exclusion that would let it pass.
    Explain {
        /// The event's id, as refusals and `portcullis events` show it.
        id: String,
    },
}

/// Where in a request a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PutAs {
    /// The value of a query parameter.
    Query,
    /// The value of a form's field.
    Form,
    /// The value of a JSON document's field.
    Json,
    /// The value of a header field.
    Header,
    /// A segment of the path.
    Path,
    /// The value of a cookie.
    Cookie,
}

/// The commands under `rules`.
#[derive(Subcommand, Debug)]
pub(crate) enum Rules {
    /// Run a folder of tests through the policy, offline.
    Test {
        /// A folder of test files (YAML, with folders inside), or one file.
        tests: PathBuf,
        /// Only tests whose name (`942100-1`) begins like this.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
        only: String,
        /// Known deviations and their reasons, in go-ftw's format of overrides.
        #[arg(long, value_name = "FILE")]
        overrides: Option<PathBuf>,
    },
}

/// Options of `schema`.
#[derive(Args, Debug)]
pub(crate) struct Schema {
    /// Of what.
    #[arg(value_enum, default_value_t = SchemaOf::Policy)]
    pub(crate) of: SchemaOf,
}

/// What a schema can be printed of.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemaOf {
    /// The policy file.
    Policy,
    /// An event.
    Event,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn help_is_as_it_was() {
        let mut whole = String::new();
        let mut command = Cli::command().term_width(100);
        command.build();
        whole += &command.render_help().to_string();
        for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
            whole.extend(["\n———\n", &inner.render_help().to_string()]);
        }
        insta::assert_snapshot!(whole);
    }
}
