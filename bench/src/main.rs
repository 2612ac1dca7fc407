//! The control of `cargo xtask bench proxy`: a bare hyper reverse proxy, and a plain upstream behind it.
//!
//! `control` is what a gateway costs before it decides anything: it removes hop-by-hop fields, keeps
//! connections to its one upstream, and nothing else. It knows no policy, no TLS and no failure but 502.

mod control;
mod upstream;

use std::net::SocketAddr;

use clap::{Parser, Subcommand};

/// A bare hyper reverse proxy, and an upstream to put behind it.
#[derive(Parser)]
struct Arguments {
    /// How many threads serve.
    #[arg(long, default_value_t = 1, global = true)]
    workers: usize,
    /// Where to listen; port 0 takes a free one. The address taken is the first line printed.
    #[arg(long, default_value = "127.0.0.1:0", global = true)]
    listen: SocketAddr,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Passes every request to one upstream.
    Control {
        /// The upstream's address.
        #[arg(long)]
        upstream: SocketAddr,
    },
    /// Answers every request with the same body; `/bytes/N` asks for another size.
    Upstream {
        /// The body's size.
        #[arg(long, default_value_t = 512)]
        bytes: usize,
    },
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(arguments.workers)
        .enable_all()
        .build()?
        .block_on(serve(arguments))
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(arguments.listen).await?;
    announce(listener.local_addr()?);
    match arguments.what {
        What::Control { upstream } => control::serve(listener, upstream).await,
        What::Upstream { bytes } => upstream::serve(listener, bytes).await,
    }
}

#[expect(clippy::print_stdout, reason = "the address is this program's answer to whoever started it")]
fn announce(address: SocketAddr) {
    println!("{address}");
}
