//! The first message of a TLS handshake (RFC 8446 §4.1.2), and what of it tells clients apart: JA4.
//!
//! JA4 is `FoxIO`'s published format for the fingerprint of a TLS client: which versions, ciphers, extensions and
//! signature algorithms it offers, ciphers and extensions sorted, so that clients that shuffle them stay the same, and
//! GREASE (RFC 8701) left out. Invariants: any bytes give an answer; at most [`LONGEST`] of them are looked at.
//! Deliberately absent: the handshake, which rustls carries out, and SHA-256, which the caller computes.

use std::fmt::Write as _;

/// More than any client sends; beyond that there is no fingerprint.
pub const LONGEST: usize = 16 << 10;

const SERVER_NAME: u16 = 0;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;

/// What the bytes read so far are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// The beginning of a hello.
    Partial,
    /// A whole one.
    Whole(ClientHello),
    /// None, or one too long or too odd to tell anything by.
    Other,
}

/// What a client offers, in its order, without GREASE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHello {
    version: u16,
    ciphers: Vec<u16>,
    extensions: Vec<u16>,
    signatures: Vec<u16>,
    /// The first protocol it offers.
    protocol: Vec<u8>,
}

impl ClientHello {
    /// Reads what came over a connection so far: records (RFC 8446 §5.1), and the message within them.
    pub fn read(mut records: &[u8]) -> Greeting {
        if let Some(greeting) = of_one_record(records) {
            return greeting;
        }
        let mut message = Vec::new();
        let mut ended = records.len() > LONGEST;
        while let [first, rest @ ..] = records {
            let (payload, more) = match (first, rest) {
                (22, [3, _, high, low, rest @ ..]) => {
                    let length = usize::from(u16::from_be_bytes([*high, *low]));
                    ended |= length == 0;
                    rest.split_at_checked(length).unwrap_or((rest, &[]))
                }
                (22, [] | [3, ..]) => break,
                // Something else is no part of a hello, nor does one follow it.
                _ => {
                    ended = true;
                    break;
                }
            };
            if ended && payload.is_empty() {
                break;
            }
            message.extend_from_slice(payload);
            records = more;
        }
        match whole(&message) {
            Some(body) => Self::parse(body).map_or(Greeting::Other, Greeting::Whole),
            None if ended || message.first().is_some_and(|kind| *kind != 1) => Greeting::Other,
            None => Greeting::Partial,
        }
    }

    fn parse(body: &[u8]) -> Option<Self> {
        let mut body = Bytes(body);
        let mut hello = Self { version: body.number()?, ..Self::default() };
        body.take(32)?;
        body.list8()?;
        hello.ciphers = numbers(body.list16()?);
        body.list8()?;
        let Some(mut extensions) = body.list16().map(Bytes) else { return Some(hello) };
        while let Some(kind) = extensions.number() {
            let value = extensions.list16()?;
            if is_grease(kind) {
                continue;
            }
            hello.extensions.push(kind);
            match kind {
                SIGNATURE_ALGORITHMS => hello.signatures = numbers(Bytes(value).list16()?),
                ALPN => hello.protocol = Bytes(Bytes(value).list16()?).list8()?.to_vec(),
                SUPPORTED_VERSIONS => {
                    let offered = numbers(Bytes(value).list8()?);
                    hello.version = offered.into_iter().max().unwrap_or(hello.version);
                }
                _ => {}
            }
        }
        Some(hello)
    }

    /// The fingerprint; `sha256` hashes a text.
    pub fn ja4(&self, sha256: impl Fn(&str) -> [u8; 32]) -> String {
        let name = if self.extensions.contains(&SERVER_NAME) { 'd' } else { 'i' };
        let (ciphers, extensions) = (self.ciphers.len().min(99), self.extensions.len().min(99));
        let [first, last] = self.protocol_ends();
        let mut ja4 = format!("t{}{name}{ciphers:02}{extensions:02}{first}{last}", self.version_word());
        for hashed in [sorted(&self.ciphers), self.offers()] {
            ja4.push('_');
            if hashed.is_empty() {
                ja4.push_str("000000000000");
                continue;
            }
            for byte in sha256(&hashed).into_iter().take(6) {
                // Writing to a string cannot fail.
                let _ = write!(ja4, "{byte:02x}");
            }
        }
        ja4
    }

    /// Extensions sorted, without those that say where the client goes, and signature algorithms as offered.
    fn offers(&self) -> String {
        let told = |kind: &&u16| !matches!(**kind, SERVER_NAME | ALPN);
        let extensions: Vec<u16> = self.extensions.iter().filter(told).copied().collect();
        let mut offers = sorted(&extensions);
        if !self.signatures.is_empty() && !self.extensions.is_empty() {
            offers.push('_');
            offers.push_str(&joined(&self.signatures));
        }
        offers
    }

    const fn version_word(&self) -> &'static str {
        match self.version {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            0x0300 => "s3",
            0x0002 => "s2",
            _ => "00",
        }
    }

    /// First and last character of the first protocol offered; of its hexadecimal digits where they are no letters or
    /// digits.
    fn protocol_ends(&self) -> [char; 2] {
        let (Some(first), Some(last)) = (self.protocol.first(), self.protocol.last()) else {
            return ['0', '0'];
        };
        if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
            return [char::from(*first), char::from(*last)];
        }
        let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
        [digit(first >> 4), digit(last & 15)]
    }
}

/// What is told by the beginning of one record, without copying it: bytes may come one at a time.
fn of_one_record(records: &[u8]) -> Option<Greeting> {
    let [22, 3, _, high, low, rest @ ..] = records else { return None };
    let whole = rest.len() >= usize::from(u16::from_be_bytes([*high, *low]));
    if whole || records.len() > LONGEST {
        return None;
    }
    let begun = rest.first().is_none_or(|kind| *kind == 1);
    Some(if begun { Greeting::Partial } else { Greeting::Other })
}

/// The body of the message, once all of it is there.
fn whole(message: &[u8]) -> Option<&[u8]> {
    let [1, high, middle, low, rest @ ..] = message else { return None };
    let length = u32::from_be_bytes([0, *high, *middle, *low]);
    rest.get(..usize::try_from(length).ok()?)
}

/// Values reserved to keep servers tolerant: `0x0a0a`, `0x1a1a`, … (RFC 8701).
const fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

fn numbers(list: &[u8]) -> Vec<u16> {
    let all = list.chunks_exact(2).filter_map(<[u8]>::first_chunk).map(|bytes| u16::from_be_bytes(*bytes));
    all.filter(|number| !is_grease(*number)).collect()
}

fn sorted(values: &[u16]) -> String {
    let mut values = values.to_vec();
    values.sort_unstable();
    joined(&values)
}

fn joined(values: &[u16]) -> String {
    let texts: Vec<String> = values.iter().map(|value| format!("{value:04x}")).collect();
    texts.join(",")
}

/// Bytes taken from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    /// A list whose length is one byte.
    fn list8(&mut self) -> Option<&'a [u8]> {
        let length = *self.take(1)?.first()?;
        self.take(usize::from(length))
    }

    /// A list whose length is two bytes.
    fn list16(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::from(length))
    }
}

#[cfg(test)]
mod tests;
