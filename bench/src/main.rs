//! The control of `cargo xtask bench proxy`: a bare hyper reverse proxy in front of one upstream.
//!
//! It is what a gateway costs before it decides anything: it removes hop-by-hop fields, keeps connections to
//! its one upstream, and nothing else. It knows no policy, no TLS and no failure but 502.

mod control;

use std::net::SocketAddr;

use clap::Parser;

/// A bare hyper reverse proxy; prints `listening on ADDRESS` and serves until stopped.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The upstream's address.
    #[arg(long)]
    upstream: SocketAddr,
    /// How many threads serve.
    #[arg(long, default_value_t = 1)]
    workers: usize,
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
    control::serve(listener, arguments.upstream).await
}

#[expect(clippy::print_stdout, reason = "the address is this program's answer to whoever started it")]
fn announce(address: SocketAddr) {
    println!("listening on {address}");
}
