//! The few fields that frame a message or steer its connection, picked out while the others are read.
//!
//! Strict where readers are known to differ: one `Content-Length` of plain digits, one `Transfer-Encoding: chunked`,
//! never both; `Connection` is a list of tokens that names nothing the message needs to keep its meaning.

use portcullis_model::Version;

use crate::defect::Defect;
use crate::framing::BodyLength;
use crate::grammar::{is_token, list, trim};

/// What the special fields of one head say.
#[derive(Debug, Default)]
pub(super) struct Special {
    content_length: Option<u64>,
    chunked: bool,
    /// Host fields met; more than one is a defect of requests.
    pub(super) hosts: usize,
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) upgrade: bool,
    pub(super) expects_continue: bool,
}

impl Special {
    /// Takes note of one field.
    pub(super) fn note(&mut self, name: &[u8], value: &[u8]) -> Result<(), Defect> {
        let Some(first) = name.first() else { return Ok(()) };
        // Every special name has one of these lengths and first letters; most fields are done after this.
        match (name.len(), first.to_ascii_lowercase()) {
            (4, b'h') if name.eq_ignore_ascii_case(b"host") => self.hosts += 1,
            (6, b'e') if name.eq_ignore_ascii_case(b"expect") => return self.note_expect(value),
            (7, b'u') if name.eq_ignore_ascii_case(b"upgrade") => self.upgrade = true,
            (10, b'c') if name.eq_ignore_ascii_case(b"connection") => return self.note_connection(value),
            (14, b'c') if reads_as(name, b"content-length") => return self.note_content_length(name, value),
            (17, b't') if reads_as(name, b"transfer-encoding") => {
                return self.note_transfer_encoding(name, value);
            }
            _ => {}
        }
        Ok(())
    }

    fn note_content_length(&mut self, name: &[u8], value: &[u8]) -> Result<(), Defect> {
        if name.contains(&b'_') {
            return Err(Defect::DisguisedField);
        }
        let length = parse_content_length(value)?;
        match self.content_length.replace(length) {
            Some(_) => Err(Defect::RepeatedContentLength),
            None => Ok(()),
        }
    }

    fn note_transfer_encoding(&mut self, name: &[u8], value: &[u8]) -> Result<(), Defect> {
        if name.contains(&b'_') {
            return Err(Defect::DisguisedField);
        }
        if self.chunked {
            return Err(Defect::RepeatedTransferEncoding);
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            let only_chunked = list(value).all(|coding| coding.eq_ignore_ascii_case(b"chunked"));
            let repeated = only_chunked && list(value).count() > 1;
            return Err(if repeated {
                Defect::RepeatedTransferEncoding
            } else {
                Defect::UnknownTransferEncoding
            });
        }
        self.chunked = true;
        Ok(())
    }

    fn note_connection(&mut self, value: &[u8]) -> Result<(), Defect> {
        for option in list(value) {
            if !is_token(option) {
                return Err(Defect::Connection);
            }
            if NEVER_PER_CONNECTION.iter().any(|name| option.eq_ignore_ascii_case(name)) {
                return Err(Defect::ConnectionNamesFraming);
            }
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
        Ok(())
    }

    fn note_expect(&mut self, value: &[u8]) -> Result<(), Defect> {
        if self.expects_continue || !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(Defect::Expectation);
        }
        self.expects_continue = true;
        Ok(())
    }

    /// Where the body ends by the two framing fields; `None` if neither is there.
    pub(super) fn body(&self, version: Version) -> Result<Option<BodyLength>, Defect> {
        match (self.content_length, self.chunked) {
            (Some(_), true) => Err(Defect::ContentLengthAndTransferEncoding),
            (None, true) if version == Version::Http10 => Err(Defect::TransferEncodingOnOldVersion),
            (None, true) => Ok(Some(BodyLength::Chunked)),
            (Some(0), false) => Ok(Some(BodyLength::None)),
            (Some(length), false) => Ok(Some(BodyLength::Length(length))),
            (None, false) => Ok(None),
        }
    }

    /// Whether the connection can carry another message after this one (RFC 9112 §9.3).
    pub(super) fn persists(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }
}

/// Fields that must reach the other end with the message; naming one in `Connection` asks each hop to drop it.
const NEVER_PER_CONNECTION: [&[u8]; 8] = [
    b"content-length",
    b"transfer-encoding",
    b"host",
    b"content-type",
    b"content-encoding",
    b"authorization",
    b"cookie",
    b"expect",
];

/// One `Content-Length` value: digits without sign or superfluous zero, at most 2^63 − 1.
pub(super) fn parse_content_length(value: &[u8]) -> Result<u64, Defect> {
    if value.contains(&b',') {
        let digits = |element: &[u8]| trim(element).iter().all(u8::is_ascii_digit);
        let listed = value.split(|byte| *byte == b',').all(digits);
        return Err(if listed { Defect::RepeatedContentLength } else { Defect::ContentLength });
    }
    let plain = !value.is_empty()
        && value.len() <= 19
        && value.iter().all(u8::is_ascii_digit)
        && (value.len() == 1 || !value.starts_with(b"0"));
    if !plain {
        return Err(Defect::ContentLength);
    }
    let length =
        value.iter().fold(0_u64, |sum, digit| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
    // Nineteen digits fit in 64 bits; beyond 63 many readers turn negative.
    i64::try_from(length).map(|_| length).map_err(|_| Defect::ContentLength)
}

/// Whether a name is `known` (lower case), also where `_` stands for `-`: some servers read the two alike.
fn reads_as(name: &[u8], known: &[u8]) -> bool {
    name.len() == known.len()
        && name.iter().zip(known).all(|(a, b)| a.eq_ignore_ascii_case(b) || (*a == b'_' && *b == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_lengths() {
        let most = u64::try_from(i64::MAX).unwrap();
        for (text, expected) in [
            ("0", Ok(0)),
            ("10", Ok(10)),
            ("9223372036854775807", Ok(most)),
            ("9223372036854775808", Err(Defect::ContentLength)),
            ("99999999999999999999", Err(Defect::ContentLength)),
            ("", Err(Defect::ContentLength)),
            ("+5", Err(Defect::ContentLength)),
            ("-5", Err(Defect::ContentLength)),
            ("05", Err(Defect::ContentLength)),
            ("5 5", Err(Defect::ContentLength)),
            ("0x5", Err(Defect::ContentLength)),
            ("5.0", Err(Defect::ContentLength)),
            ("5,5", Err(Defect::RepeatedContentLength)),
            ("5, 6", Err(Defect::RepeatedContentLength)),
            ("5,", Err(Defect::RepeatedContentLength)),
            ("+5,5", Err(Defect::ContentLength)),
        ] {
            assert_eq!(parse_content_length(text.as_bytes()), expected, "{text:?}");
        }
    }
}
