//! An answer's head, and where its body ends given what was asked (RFC 9112 §6.3).

use bytes::Bytes;
use portcullis_model::{ResponseHead, Version};

use crate::defect::Defect;
use crate::framing::BodyLength;
use crate::framing::field::parse_fields;
use crate::framing::gather::Section;
use crate::framing::line::StatusLine;
use crate::framing::response_follower::Asked;
use crate::framing::special::Special;

/// An answer's head that passed, and what follows from it.
#[derive(Clone, Debug)]
pub struct AnswerRecord {
    /// The head: status, order and spelling of fields as sent.
    pub head: ResponseHead,
    /// The bytes of the head, from the version to the empty line.
    pub raw: Bytes,
    /// Where the body ends.
    pub body: BodyLength,
    /// What kind of answer it is.
    pub kind: AnswerKind,
    /// Whether the connection can carry another exchange after this one.
    pub persistent: bool,
}

/// How an answer relates to what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    /// A 1xx other than 101: another answer to the same request follows.
    Interim,
    /// The answer.
    Final,
    /// A 101, or a 2xx to CONNECT: what follows is another protocol.
    Switched,
}

/// Reads a complete head.
pub(super) fn parse_answer(section: Section<StatusLine>, asked: Asked) -> Result<AnswerRecord, Defect> {
    let Section { first: StatusLine { status, version }, bytes: raw, lines } = section;
    let (headers, special) = parse_fields(&raw, &lines)?;
    let kind = kind_of(status, asked)?;
    let body = body_of(status, version, asked, kind, &special)?;
    let persistent = special.persists(version) && body != BodyLength::UntilClose;
    Ok(AnswerRecord { head: ResponseHead { status, version, headers }, raw, body, kind, persistent })
}

fn kind_of(status: u16, asked: Asked) -> Result<AnswerKind, Defect> {
    match (status, asked) {
        (101, Asked::Upgrade) | (200..=299, Asked::Connect) => Ok(AnswerKind::Switched),
        (101, _) => Err(Defect::UnaskedUpgrade),
        (100..=199, _) => Ok(AnswerKind::Interim),
        _ => Ok(AnswerKind::Final),
    }
}

fn body_of(
    status: u16,
    version: Version,
    asked: Asked,
    kind: AnswerKind,
    special: &Special,
) -> Result<BodyLength, Defect> {
    let declared = special.body(version)?;
    if kind != AnswerKind::Final || status == 204 {
        // `Content-Length: 0` is forbidden here too, but common and harmless.
        return match declared {
            None | Some(BodyLength::None) => Ok(BodyLength::None),
            _ => Err(Defect::BodyForbidden),
        };
    }
    if asked == Asked::Head || status == 304 {
        return Ok(BodyLength::None);
    }
    // An answer that gives no length lasts until the connection closes, whatever its version (RFC 9112 §6.3, rule 8).
    Ok(declared.unwrap_or(BodyLength::UntilClose))
}
