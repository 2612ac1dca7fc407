//! The demo's two parts: `serve` runs the API, `traffic` plays the people who call it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use portcullis_demo::traffic::{Form, Gateway, Report, Script, go_on, play};
use tokio::net::TcpListener;

/// A small telecom customer API and the traffic that meets it.
#[derive(Parser)]
#[command(name = "portcullis-demo", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the API. The first line printed is `listening on ADDRESS`.
    Serve {
        /// Where to listen; port 0 takes a free one.
        #[arg(long, default_value = "127.0.0.1:9000")]
        listen: SocketAddr,
    },
    /// Play customers, a partner and a stranger.
    Traffic(Traffic),
}

#[derive(clap::Args)]
struct Traffic {
    /// The gateway (or the API itself).
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    gateway: String,
    /// The host asked for there; the gateway's own by default.
    #[arg(long)]
    host: Option<String>,
    /// The partner shop's API key; without one, it shows a key that nobody knows.
    #[arg(long)]
    partner_key: Option<String>,
    /// How often each customer opens the app in the first act.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Milliseconds between two calls of one person.
    #[arg(long, default_value_t = 60)]
    pace: u64,
    /// Not the story, but what goes on after it: slowly, until stopped.
    #[arg(long)]
    forever: bool,
    /// Tell each act as a line of JSON.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Serve { listen } => serve(listen).await,
        Command::Traffic(traffic) => traffic.run().await,
    }
}

async fn serve(listen: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    writeln!(std::io::stdout(), "listening on {}", listener.local_addr()?)?;
    let stopped = async {
        // Without a signal handler the process ends on the signal itself.
        let _ = tokio::signal::ctrl_c().await;
    };
    let router = portcullis_demo::api::router()?;
    Ok(axum::serve(listener, router).with_graceful_shutdown(stopped).await?)
}

impl Traffic {
    async fn run(self) -> anyhow::Result<()> {
        let script = Script {
            gateway: Gateway::parse(&self.gateway, self.host.as_deref())?,
            partner_key: self.partner_key,
            rounds: self.rounds,
            pace: Duration::from_millis(self.pace),
        };
        if self.forever {
            go_on(&script).await;
            return Ok(());
        }
        let mut stdout = std::io::stdout();
        let form = if self.json { Form::Json } else { Form::Words };
        play(&script, &mut Report::new(form, &mut stdout)).await
    }
}
