//! Syslog (RFC 5424): one message a finding, by UDP, TCP or TLS.
//!
//! Invariant: no text of a finding can begin another message or another element: control characters and the quotes of
//! structured data are escaped or replaced.

use std::fmt::Write as _;
use std::io::ErrorKind;

use portcullis_model::Timestamp;
use portcullis_model::finding::Severity;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::{Transport, Trust};
use crate::findings::Notice;

/// Facility `local0` (RFC 5424 §6.2.1).
const FACILITY: u8 = 16;
/// The element's id; the number is the one for examples (RFC 5612), since the project has none of its own.
const ELEMENT: &str = "finding@32473";
/// How long the other side is waited for to close.
const LINGER: std::time::Duration = std::time::Duration::from_secs(2);
/// The longest text of a parameter or message, in characters.
const LONGEST: usize = 400;

/// Sends a message for each notice.
pub(super) async fn send(
    transport: &Transport,
    address: &str,
    notices: &[Notice],
    now: Timestamp,
) -> Result<(), String> {
    let messages = notices.iter().map(|notice| message(notice, now));
    let sent = match transport {
        Transport::Udp => by_udp(address, messages).await,
        Transport::Tcp => by_tcp(address, messages).await,
        Transport::Tls(trust) => by_tls(address, trust, messages).await,
    };
    sent.map_err(|error| error.to_string())
}

async fn by_udp(address: &str, messages: impl Iterator<Item = String>) -> std::io::Result<()> {
    let target = tokio::net::lookup_host(address).await?.next();
    let target = target.ok_or_else(|| std::io::Error::other("its name has no address"))?;
    let own = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(own).await?;
    socket.connect(target).await?;
    for message in messages {
        socket.send(message.as_bytes()).await?;
    }
    Ok(())
}

async fn by_tcp(address: &str, messages: impl Iterator<Item = String>) -> std::io::Result<()> {
    deliver(TcpStream::connect(address).await?, messages).await
}

async fn by_tls(address: &str, trust: &Trust, messages: impl Iterator<Item = String>) -> std::io::Result<()> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    let stream = trust.connect(host, TcpStream::connect(address).await?).await?;
    deliver(stream, messages).await
}

/// Taken means that the other side closed in peace, or has not broken off within a while: syslog itself confirms nothing.
async fn deliver(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    messages: impl Iterator<Item = String>,
) -> std::io::Result<()> {
    for message in messages {
        stream.write_all(format!("{} {message}", message.len()).as_bytes()).await?;
    }
    stream.shutdown().await?;
    let closed = async {
        let mut rest = [0; 256];
        loop {
            match stream.read(&mut rest).await {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                // TLS that ends without a word of farewell: usual.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    };
    tokio::time::timeout(LINGER, closed).await.unwrap_or(Ok(()))
}

fn message(notice: &Notice, now: Timestamp) -> String {
    let finding = &notice.finding;
    let level = match finding.severity {
        Severity::Critical => 2,
        Severity::High => 3,
        Severity::Medium => 4,
        Severity::Low => 5,
        Severity::Info => 6,
    };
    let mut text = format!("<{}>1 {now} - portcullis - {} [{ELEMENT}", FACILITY * 8 + level, finding.kind);
    let notice_number = notice.seq.to_string();
    let count = finding.count.to_string();
    let operation = finding.operation.as_ref().map_or("", |operation| operation.name.as_str());
    for (name, value) in [
        ("notice", &*notice_number),
        ("news", notice.news.as_str()),
        ("id", finding.id.as_str()),
        ("severity", finding.severity.as_str()),
        ("site", &finding.site),
        ("operation", operation),
        ("subject", &finding.subject),
        ("count", &count),
    ] {
        // Writing to a String cannot fail.
        let _ = write!(text, " {name}=\"{}\"", escaped(value));
    }
    let _ = write!(text, "] \u{feff}{}", shown(&finding.title));
    text
}

/// RFC 5424 §6.3.3.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for letter in shown(value).chars() {
        if matches!(letter, '"' | '\\' | ']') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

fn shown(text: &str) -> String {
    text.chars().take(LONGEST).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
