//! The load: wrk over loopback, and what it reports.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::tied;

/// Which of the upstream's answers is fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    /// 512 bytes of JSON.
    Small,
    /// 64 KiB.
    Large,
}

impl Answer {
    pub(crate) const ALL: [Self; 2] = [Self::Small, Self::Large];

    /// The path that fetches it: an operation of the contract the bench declares.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Small => "/v1/customers/42/plans?verbose=1",
            Self::Large => "/v1/customers/42/usage?month=2026-10",
        }
    }

    /// For the report.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Small => "512-byte answers",
            Self::Large => "64 KiB answers",
        }
    }
}

/// What one run of load gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Requests answered.
    pub(crate) requests: f64,
    /// Requests a second.
    pub(crate) rate: f64,
    /// Median latency, microseconds.
    pub(crate) p50_us: f64,
    /// 99th percentile, microseconds.
    pub(crate) p99_us: f64,
}

/// Header fields a browser sends; every contestant gets the same.
const HEADERS: &[&str] = &[
    "Host: shop.test",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept: application/json, text/plain, */*",
    "Accept-Language: en-US,en;q=0.5",
    "Accept-Encoding: gzip, deflate, br",
    "Referer: http://shop.test/account",
    "Cookie: session=4f1c9c1c2b7d4a5b; theme=dark",
    "Sec-Fetch-Mode: cors",
    "Sec-Fetch-Site: same-origin",
    "X-Api-Key: pk_bench_0123456789abcdefghijklmnop",
];

/// Loads `address` for some seconds.
pub(crate) fn run(address: SocketAddr, answer: Answer, connections: u32, seconds: u32) -> Result<Load> {
    anyhow::ensure!(address.ip().is_loopback(), "load only goes to loopback, not to {address}");
    let mut wrk = Command::new("wrk");
    wrk.args(["--latency", "-t1", &format!("-c{connections}"), &format!("-d{seconds}s")]);
    for header in HEADERS {
        wrk.args(["-H", header]);
    }
    wrk.arg(format!("http://{address}{}", answer.path()));
    let output = tied(&wrk).output().context("cannot run wrk")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        bail!("not every request was answered with 2xx:\n{text}");
    }
    parse(&text).with_context(|| format!("wrk said something unexpected:\n{text}"))
}

/// Sends `requests` one after the other over one connection, for instruction counts.
pub(crate) fn count(address: SocketAddr, answer: Answer, requests: u32) -> Result<()> {
    use std::io::{BufReader, Write};
    let stream = std::net::TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    let message = format!("GET {} HTTP/1.1\r\n{}\r\n\r\n", answer.path(), HEADERS.join("\r\n"));
    for _ in 0..requests {
        writer.write_all(message.as_bytes())?;
        skip_response(&mut reader)?;
    }
    Ok(())
}

/// Reads one response that declares its length.
fn skip_response(reader: &mut impl std::io::BufRead) -> Result<()> {
    let mut length: u64 = 0;
    let mut line = String::new();
    reader.read_line(&mut line)?;
    anyhow::ensure!(line.contains(" 200 "), "answered {line:?}");
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
    }
    std::io::copy(&mut std::io::Read::take(reader, length), &mut std::io::sink())?;
    Ok(())
}

fn parse(text: &str) -> Option<Load> {
    let latency = |percent: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(percent))?;
        micros(line.split_whitespace().nth(1)?)
    };
    let requests = text.lines().find_map(|line| line.split_once(" requests in "))?.0.trim().parse().ok()?;
    let rate = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"))?.trim().parse().ok()?;
    Some(Load { requests, rate, p50_us: latency("50%")?, p99_us: latency("99%")? })
}

/// `812.00us`, `1.20ms`, `2.0s` in microseconds.
fn micros(text: &str) -> Option<f64> {
    for (unit, factor) in [("us", 1.0), ("ms", 1e3), ("s", 1e6)] {
        if let Some(number) = text.strip_suffix(unit)
            && let Ok(number) = number.parse::<f64>()
        {
            return Some(number * factor);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_wrk_prints() {
        let text = "  Latency Distribution\n     50%  812.00us\n     75%    1.00ms\n     99%    2.50ms\n  \
                    12000 requests in 3.00s, 8.00MB read\nRequests/sec:   4000.12\n";
        let load = parse(text).expect("is what wrk prints");
        assert!((load.requests - 12000.0).abs() < 0.1 && (load.rate - 4000.12).abs() < 0.01);
        assert!((load.p50_us - 812.0).abs() < 0.1 && (load.p99_us - 2500.0).abs() < 0.1);
    }
}
