//! The PROXY protocol: what a load balancer says, ahead of everything else, of whom a connection is from; read, and written.
//!
//! Versions 1 and 2 (`proxy-protocol.txt`), read strictly. Invariants: a reader that asks for no more bytes
//! than it is told to need reads the header and nothing behind it; no header is longer than [`LONGEST`]. Deliberately
//! absent: who may say it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The longest header that is read: version 1 has 107 bytes at most, version 2 as much as it carries besides.
pub const LONGEST: usize = 16 + 2048;

/// What version 2 begins with; no version 1, and no HTTP, does.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const FIXED: usize = 16;
/// The longest line of version 1, its end included.
const LONGEST_LINE: usize = 107;

/// What is known of a header from its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It goes on: it has this many bytes at least.
    Partial {
        /// More than were given.
        needs: usize,
    },
    /// It is all there.
    Whole(Source),
}

/// Whom a connection is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// This client.
    Client(SocketAddr),
    /// The load balancer itself (its checks), or somebody without an address.
    Balancer,
}

/// These bytes begin no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no PROXY protocol header")
    }
}

impl std::error::Error for Malformed {}

/// How a header is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wording {
    /// Version 1: a line of text.
    Line,
    /// Version 2: binary.
    Binary,
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// The connection is made for somebody.
    Relayed {
        /// Who connected.
        source: SocketAddr,
        /// Where to.
        destination: SocketAddr,
    },
    /// It is ours alone, a check say.
    Own,
}

/// A header's bytes. Where one address is of IPv4 and the other of IPv6, both are written as IPv6.
pub fn write(wording: Wording, announcement: Announcement) -> Vec<u8> {
    let Announcement::Relayed { source, destination } = announcement else {
        return match wording {
            Wording::Line => b"PROXY UNKNOWN\r\n".to_vec(),
            Wording::Binary => block(0x20, 0x00, &[]),
        };
    };
    let ports = [source.port().to_be_bytes(), destination.port().to_be_bytes()].concat();
    let (from, to) = (source.ip().to_canonical(), destination.ip().to_canonical());
    match (wording, from, to) {
        (Wording::Line, IpAddr::V4(_), IpAddr::V4(_)) => {
            format!("PROXY TCP4 {from} {to} {} {}\r\n", source.port(), destination.port()).into_bytes()
        }
        (Wording::Line, ..) => {
            let (from, to) = (v6(from), v6(to));
            format!("PROXY TCP6 {from} {to} {} {}\r\n", source.port(), destination.port()).into_bytes()
        }
        (Wording::Binary, IpAddr::V4(from), IpAddr::V4(to)) => {
            block(0x21, 0x11, &[&from.octets()[..], &to.octets(), &ports].concat())
        }
        (Wording::Binary, ..) => {
            block(0x21, 0x21, &[&v6(from).octets()[..], &v6(to).octets(), &ports].concat())
        }
    }
}

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

/// A header of version 2. What it carries is always a few dozen bytes here.
fn block(command: u8, family: u8, carried: &[u8]) -> Vec<u8> {
    let length = u16::try_from(carried.len()).unwrap_or(u16::MAX).to_be_bytes();
    [SIGNATURE, &[command, family], &length, carried].concat()
}

/// Reads the header that `bytes` begin with.
pub fn read(bytes: &[u8]) -> Result<Reading, Malformed> {
    let begins = |whole: &[u8]| bytes.iter().zip(whole).all(|(byte, expected)| byte == expected);
    match bytes.first() {
        None => Ok(Reading::Partial { needs: 1 }),
        Some(b'P') if begins(b"PROXY ") => read_line(bytes),
        Some(b'\r') if begins(SIGNATURE) => read_binary(bytes),
        Some(_) => Err(Malformed),
    }
}

/// Version 1: a line of text.
fn read_line(bytes: &[u8]) -> Result<Reading, Malformed> {
    if let Some(line) = bytes.strip_suffix(b"\r\n") {
        let line = std::str::from_utf8(line).map_err(|_| Malformed)?;
        return source_of_line(line).map(Reading::Whole);
    }
    if bytes.len() >= LONGEST_LINE || bytes.iter().rev().skip(1).any(|byte| matches!(byte, b'\r' | b'\n')) {
        return Err(Malformed);
    }
    // The shortest lines there are: more than that is never asked for at once, lest it were read of what follows.
    let shortest = match bytes {
        [b'P', b'R', b'O', b'X', b'Y', b' ', b'T', b'C', b'P', b'4', ..] => {
            "PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n"
        }
        [b'P', b'R', b'O', b'X', b'Y', b' ', b'T', b'C', b'P', b'6', ..] => "PROXY TCP6 :: :: 1 1\r\n",
        _ => "PROXY UNKNOWN\r\n",
    };
    Ok(Reading::Partial { needs: shortest.len().max(bytes.len() + 1) })
}

fn source_of_line(line: &str) -> Result<Source, Malformed> {
    let mut words = line.strip_prefix("PROXY ").ok_or(Malformed)?.split(' ');
    let family = words.next();
    if family == Some("UNKNOWN") {
        return Ok(Source::Balancer);
    }
    let mut address = || -> Option<IpAddr> {
        let word = words.next()?;
        match family {
            Some("TCP4") => word.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
            Some("TCP6") => word.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let (source, _) = address().zip(address()).ok_or(Malformed)?;
    let ports = (words.next().and_then(port), words.next().and_then(port), words.next());
    match ports {
        (Some(port), Some(_), None) => Ok(Source::Client(SocketAddr::new(source, port))),
        _ => Err(Malformed),
    }
}

/// A number up to 65535 as it is written by those who mean nothing else by it.
fn port(word: &str) -> Option<u16> {
    let plain = word.bytes().all(|byte| byte.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
    word.parse().ok().filter(|_| plain)
}

/// Version 2: sixteen bytes, then as many as they say.
fn read_binary(bytes: &[u8]) -> Result<Reading, Malformed> {
    let Some((fixed, rest)) = bytes.split_at_checked(FIXED) else {
        return Ok(Reading::Partial { needs: FIXED });
    };
    let &[command, family, high, low] = fixed.last_chunk::<4>().ok_or(Malformed)?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if FIXED + length > LONGEST {
        return Err(Malformed);
    }
    match rest.len() {
        given if given < length => Ok(Reading::Partial { needs: FIXED + length }),
        given if given == length => source_of_block(command, family, rest).map(Reading::Whole),
        _ => Err(Malformed),
    }
}

fn source_of_block(command: u8, family: u8, block: &[u8]) -> Result<Source, Malformed> {
    match (command, family) {
        // LOCAL: whatever else it says is to be ignored.
        (0x20, _) | (0x21, 0x00 | 0x31) => Ok(Source::Balancer),
        (0x21, 0x11) => {
            let (address, rest) = block.split_first_chunk::<4>().ok_or(Malformed)?;
            source_at(Ipv4Addr::from(*address).into(), rest, 4)
        }
        (0x21, 0x21) => {
            let (address, rest) = block.split_first_chunk::<16>().ok_or(Malformed)?;
            source_at(Ipv6Addr::from(*address).into(), rest, 16)
        }
        _ => Err(Malformed),
    }
}

/// The source's port stands behind the destination's address, before its port.
fn source_at(address: IpAddr, rest: &[u8], width: usize) -> Result<Source, Malformed> {
    match rest.get(width..).and_then(|ports| ports.first_chunk::<4>()) {
        Some(&[high, low, ..]) => {
            Ok(Source::Client(SocketAddr::new(address, u16::from_be_bytes([high, low]))))
        }
        None => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a reader makes of a stream that takes only as much as it is told it needs, and how much that is.
    fn read_stream(stream: &[u8]) -> (Result<Source, Malformed>, usize) {
        let mut taken = 0;
        loop {
            match read(&stream[..taken]) {
                Ok(Reading::Partial { needs }) => {
                    assert!(needs > taken && needs <= LONGEST, "{needs} after {taken}");
                    if needs > stream.len() {
                        return (Err(Malformed), taken);
                    }
                    taken = needs;
                }
                Ok(Reading::Whole(source)) => return (Ok(source), taken),
                Err(malformed) => return (Err(malformed), taken),
            }
        }
    }

    fn binary(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, block].concat()
    }

    #[test]
    fn lines_are_read_strictly() {
        for (line, expected) in [
            ("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", Some("192.0.2.1:56324")),
            ("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n", Some("[2001:db8::1]:0")),
            ("PROXY UNKNOWN\r\n", Some("balancer")),
            ("PROXY UNKNOWN ffff::1 ::1 1 2\r\n", Some("balancer")),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n", None),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n", None),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 01 2\r\n", None),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n", None),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 65536 2\r\n", None),
            ("PROXY TCP4 ::1 ::1 1 2\r\n", None),
            ("PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n", None),
            ("PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n", None),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n\r\n", None),
            ("proxy TCP4 192.0.2.1 198.51.100.1 1 2\r\n", None),
            ("GET / HTTP/1.1\r\n", None),
        ] {
            let said = match read_stream(line.as_bytes()).0 {
                Ok(Source::Client(address)) => Some(address.to_string()),
                Ok(Source::Balancer) => Some("balancer".to_owned()),
                Err(Malformed) => None,
            };
            assert_eq!(said.as_deref(), expected, "{line:?}");
        }
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST_LINE));
        assert!(read_stream(long.as_bytes()).0.is_err());
    }

    #[test]
    fn what_is_written_is_what_the_protocol_says() {
        let relayed = |source: &str, destination: &str| Announcement::Relayed {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
        };
        let (v4, v6) =
            (relayed("192.0.2.1:56324", "198.51.100.1:443"), relayed("[2001:db8::1]:1", "[::1]:65535"));
        let mixed = relayed("[::ffff:192.0.2.1]:0", "[2001:db8::1]:443");
        for (announcement, line) in [
            (v4, "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"),
            (v6, "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n"),
            (mixed, "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::1 0 443\r\n"),
            (Announcement::Own, "PROXY UNKNOWN\r\n"),
        ] {
            assert_eq!(String::from_utf8(write(Wording::Line, announcement)).unwrap(), line);
        }
        let expected = binary(0x21, 0x11, &[192, 0, 2, 1, 198, 51, 100, 1, 220, 4, 1, 187]);
        assert_eq!(write(Wording::Binary, v4), expected);
        assert_eq!(write(Wording::Binary, Announcement::Own), binary(0x20, 0, &[]));
        for announcement in [v4, v6, mixed] {
            let Announcement::Relayed { source, .. } = announcement else { continue };
            for wording in [Wording::Line, Wording::Binary] {
                let header = write(wording, announcement);
                let (read, taken) = read_stream(&header);
                let Ok(Source::Client(told)) = read else { panic!("{read:?}") };
                assert_eq!(
                    (told.ip().to_canonical(), told.port()),
                    (source.ip().to_canonical(), source.port())
                );
                assert_eq!(taken, header.len());
            }
        }
    }

    #[test]
    fn blocks_are_read_strictly() {
        let v4 = [192, 0, 2, 1, 198, 51, 100, 1, 220, 4, 1, 187];
        let client = Ok(Source::Client("192.0.2.1:56324".parse().unwrap()));
        let more = [&v4[..], &[3, 0, 4, 1, 2, 3, 4]].concat();
        for (header, expected) in [
            (binary(0x21, 0x11, &v4), client),
            (binary(0x21, 0x11, &more), client),
            (binary(0x20, 0x11, &v4), Ok(Source::Balancer)),
            (binary(0x20, 0x00, &[]), Ok(Source::Balancer)),
            (binary(0x21, 0x00, &[]), Ok(Source::Balancer)),
            (binary(0x21, 0x11, &v4[..11]), Err(Malformed)),
            (binary(0x21, 0x21, &v4), Err(Malformed)),
            (binary(0x21, 0x12, &v4), Err(Malformed)),
            (binary(0x22, 0x11, &v4), Err(Malformed)),
            (binary(0x11, 0x11, &v4), Err(Malformed)),
            (binary(0x21, 0x11, &[0; 2049]), Err(Malformed)),
        ] {
            assert_eq!(read_stream(&header).0, expected, "{header:?}");
        }
    }

    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let word = prop_oneof![
            Just(b"PROXY ".to_vec()),
            Just(b"TCP4 ".to_vec()),
            Just(b"TCP6 ".to_vec()),
            Just(b"UNKNOWN".to_vec()),
            Just(b"192.0.2.1 ".to_vec()),
            Just(b"::1 ".to_vec()),
            Just(b"443".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(SIGNATURE.to_vec()),
            Just(vec![0x21, 0x11, 0, 12]),
            Just(vec![0x20, 0x00, 0, 0]),
            prop::collection::vec(any::<u8>(), 0..20),
        ];
        prop::collection::vec(word, 0..10).prop_map(|words| words.concat())
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_within_bounds(stream in pieces()) {
            let (outcome, taken) = read_stream(&stream);
            prop_assert!(taken <= stream.len());
            // What is not read must not matter.
            if outcome.is_ok() {
                prop_assert_eq!(read(&stream[..taken]).ok(), outcome.ok().map(Reading::Whole));
            }
        }

        #[test]
        fn a_header_is_read_and_nothing_behind_it(
            source: SocketAddr,
            destination: SocketAddr,
            behind in prop::collection::vec(any::<u8>(), 0..40),
            extra in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let headers = match (source, destination) {
                (SocketAddr::V4(from), SocketAddr::V4(to)) => {
                    let ports = [from.port().to_be_bytes(), to.port().to_be_bytes()].concat();
                    let block = [&from.ip().octets()[..], &to.ip().octets(), &ports, &extra].concat();
                    let line = format!("PROXY TCP4 {} {} {} {}\r\n", from.ip(), to.ip(), from.port(), to.port());
                    [line.into_bytes(), binary(0x21, 0x11, &block)]
                }
                (SocketAddr::V6(from), SocketAddr::V6(to)) => {
                    let ports = [from.port().to_be_bytes(), to.port().to_be_bytes()].concat();
                    let block = [&from.ip().octets()[..], &to.ip().octets(), &ports, &extra].concat();
                    let line = format!("PROXY TCP6 {} {} {} {}\r\n", from.ip(), to.ip(), from.port(), to.port());
                    [line.into_bytes(), binary(0x21, 0x21, &block)]
                }
                _ => return Ok(()),
            };
            for header in headers {
                let read = read_stream(&[&header[..], &behind].concat());
                let named = SocketAddr::new(source.ip(), source.port());
                prop_assert_eq!(read, (Ok(Source::Client(named)), header.len()));
            }
        }
    }
}
