//! Every named way in which a message can be malformed or mean two things at once.
//!
//! Invariants: codes are stable, they appear in events and policy; the sentences are for operators and carry
//! nothing of the message. Does not know what is done about a defect.

use std::fmt;

use portcullis_model::Stage;
use smallvec::SmallVec;

/// The defects of one message; almost always none.
pub type Defects = SmallVec<[Defect; 1]>;

/// Declares the enum and its three lookups from one table.
macro_rules! defects {
    ($($name:ident = $code:literal, $status:literal, $text:literal;)*) => {
        /// A named defect of a message.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Defect {
            $(#[doc = $text] $name,)*
        }

        impl Defect {
            /// Every defect, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable code, `stage.what`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The status to refuse a request with. An upstream's answer with a defect is always a 502.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// One sentence for an operator.
            pub const fn describe(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

defects! {
    // The request line and the status line.
    RequestLine = "framing.request_line", 400, "The first line is not a method, a target and a version separated by single spaces.";
    Method = "framing.method", 400, "The method is not a token or is too long.";
    SimpleRequest = "framing.http_0_9", 400, "An HTTP/0.9 request: a request line without a version.";
    UnknownVersion = "framing.unknown_version", 505, "An HTTP version other than 1.0 and 1.1.";
    Target = "framing.target", 400, "The request target has none of the forms its method may have.";
    TargetCharacter = "framing.target_character", 400, "A control character or another byte that no URI holds stands in the request target.";
    TargetFragment = "framing.target_fragment", 400, "The request target holds a fragment.";
    TargetTooLong = "framing.target_too_long", 414, "The request target is longer than the limit.";
    TargetUserinfo = "framing.target_userinfo", 400, "The authority of the request target holds user information.";
    StatusLine = "framing.status_line", 502, "The first line of the answer is not a version, a three-digit status and a reason.";

    // Field lines.
    HeadTooLarge = "framing.head_too_large", 431, "The head has more bytes than the limit.";
    TooManyFields = "framing.too_many_fields", 431, "The head has more field lines than the limit.";
    BareLineFeed = "framing.bare_lf", 400, "A line ends with a line feed that no carriage return precedes.";
    BareCarriageReturn = "framing.bare_cr", 400, "A carriage return stands elsewhere than before a line feed.";
    Nul = "framing.nul", 400, "A NUL byte stands in the head.";
    ControlCharacter = "framing.control_character", 400, "A control character stands in a field value.";
    SpaceBeforeColon = "framing.space_before_colon", 400, "White space stands between a field's name and the colon.";
    FoldedField = "framing.obs_fold", 400, "A line of the head begins with white space (obsolete line folding).";
    FieldName = "framing.field_name", 400, "A field line has no colon, or its name is empty or not a token.";
    DisguisedField = "framing.disguised_field", 400, "A field's name reads as Content-Length or Transfer-Encoding where `_` counts as `-`.";
    MissingHost = "framing.missing_host", 400, "The request names no host.";
    RepeatedHost = "framing.repeated_host", 400, "The request has more than one Host field.";
    MalformedHost = "framing.malformed_host", 400, "The host is not a host name or address with an optional port.";
    HostMismatch = "framing.host_mismatch", 400, "The target's authority and the Host field name different hosts.";
    Connection = "framing.connection", 400, "The Connection field is not a list of tokens.";
    ConnectionNamesFraming = "framing.connection_names_framing", 400, "The Connection field names a field that frames, routes or authenticates the message.";
    Expectation = "framing.expectation", 417, "The Expect field holds something other than one 100-continue.";

    // Where the body ends.
    ContentLengthAndTransferEncoding = "framing.content_length_and_transfer_encoding", 400, "Both Content-Length and Transfer-Encoding are present.";
    RepeatedContentLength = "framing.repeated_content_length", 400, "Content-Length is given more than once, as fields or as a list, equal or not.";
    ContentLength = "framing.content_length", 400, "Content-Length is not a plain decimal number in range.";
    RepeatedTransferEncoding = "framing.repeated_transfer_encoding", 400, "Transfer-Encoding is given more than once, as fields or as a list.";
    UnknownTransferEncoding = "framing.unknown_transfer_encoding", 501, "Transfer-Encoding is something other than chunked.";
    TransferEncodingOnOldVersion = "framing.transfer_encoding_on_http_1_0", 400, "Transfer-Encoding on an HTTP/1.0 message.";
    BodyForbidden = "framing.body_forbidden", 400, "A message that cannot have a body announces one.";
    ChunkSize = "framing.chunk_size", 400, "A chunk size is not plain hexadecimal digits in range.";
    ChunkExtension = "framing.chunk_extension", 400, "A chunk extension is malformed or longer than the limit.";
    ChunkEnd = "framing.chunk_end", 400, "A chunk's bytes are not followed by CR LF.";
    TrailerField = "framing.trailer_field", 400, "A trailer field is malformed, or is one that may only stand in a head.";
    TrailersTooLarge = "framing.trailers_too_large", 431, "The trailer section has more bytes or fields than the limits.";
    HeadTimeout = "framing.head_timeout", 408, "The head did not arrive in time.";
    Truncated = "framing.truncated", 400, "The connection ended in the middle of a message.";

    // Answers only.
    UnaskedAnswer = "framing.unasked_answer", 502, "The upstream sent bytes that answer no request.";
    UnaskedUpgrade = "framing.unasked_upgrade", 502, "The upstream switched protocols although nothing asked it to.";
    TooManyInterim = "framing.too_many_interim", 502, "The upstream sent too many interim (1xx) answers.";

    // HTTP/2.
    H2FieldName = "framing.h2_field_name", 400, "An HTTP/2 field name is empty, not a token, or has upper-case letters.";
    H2FieldValue = "framing.h2_field_value", 400, "An HTTP/2 field value holds CR, LF, NUL or another control character, or begins or ends with white space.";
    H2ConnectionField = "framing.h2_connection_field", 400, "An HTTP/2 message carries a field that only HTTP/1 connections know.";
    H2PseudoHeader = "framing.h2_pseudo_header", 400, "HTTP/2 pseudo-header fields are missing, repeated, malformed or contradict each other.";
    H2LengthMismatch = "framing.h2_length_mismatch", 400, "The bytes of an HTTP/2 body are not as many as its Content-Length says.";

    // Host, path and percent-encoding.
    PercentEncoding = "normalise.percent_encoding", 400, "A percent sign in the path is not followed by two hexadecimal digits.";
    EncodedControl = "normalise.encoded_control", 400, "The path holds an encoded control character.";
    EncodedSlash = "normalise.encoded_slash", 400, "The path holds an encoded slash or backslash, which this site refuses.";
    Backslash = "normalise.backslash", 400, "The path holds a backslash, which some servers read as a slash.";
    HiddenDotSegment = "normalise.hidden_dot_segment", 400, "A path segment becomes `.` or `..` for servers that decode twice, strip parameters or read backslashes.";
    OverlongUtf8 = "normalise.overlong_utf8", 400, "The path holds an overlong UTF-8 form of a character.";

    // Content codings.
    UnknownCoding = "content.unknown_coding", 415, "The body has a content coding that is not known here.";
    TooManyCodings = "content.too_many_codings", 415, "The body has more content codings on top of each other than are undone here.";
    CorruptCoding = "content.corrupt", 400, "The coded body is damaged.";
    TruncatedCoding = "content.truncated", 400, "The coded body ends too early.";
    TrailingCoded = "content.trailing_bytes", 400, "Bytes follow the end of the coded body.";
    DecodedTooLarge = "content.too_large", 413, "The decoded body is larger than the limit.";
    DecodedRatio = "content.ratio", 413, "The decoded body is larger than the limit on its ratio to the bytes sent.";

    // Bodies.
    BodyTooLarge = "body.too_large", 413, "The body has more bytes than the budget for parsing.";
    BodyTooDeep = "body.too_deep", 400, "The body is nested deeper than the budget.";
    BodyValueTooLong = "body.value_too_long", 413, "A name or value in the body has more bytes than the budget.";
    BodyTooManyValues = "body.too_many_values", 400, "The body holds more values than the budget.";
    BodySyntax = "body.syntax", 400, "The body does not follow the syntax of its media type.";
    BodyTrailing = "body.trailing_bytes", 400, "Bytes follow the end of the document in the body.";
    BodyDuplicateKey = "body.duplicate_key", 400, "A name occurs twice in one object of the body.";
    BodyEncoding = "body.encoding", 400, "The body is not valid in its character encoding, or begins with a byte order mark.";
    FormEscape = "body.form_escape", 400, "A percent sign in a form is not followed by two hexadecimal digits.";
    XmlDoctype = "body.xml_doctype", 400, "The XML document declares a document type, which may define entities and fetch files.";
    XmlEntity = "body.xml_entity", 400, "The XML document uses an entity that only its document type could define.";
    MediaType = "body.media_type", 415, "The Content-Type field is malformed or repeated.";
    MultipartBoundary = "body.multipart_boundary", 400, "The multipart boundary is missing or malformed.";
    MultipartPart = "body.multipart_part", 400, "A part of a multipart body is malformed or names itself in two ways.";
}

impl Defect {
    /// The stage whose reason this becomes.
    pub fn stage(self) -> Stage {
        let code = self.code();
        if code.starts_with("framing.") {
            Stage::Framing
        } else if code.starts_with("normalise.") {
            Stage::Normalise
        } else {
            Stage::Body
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl std::error::Error for Defect {}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_well_formed() {
        let codes: HashSet<_> = Defect::ALL.iter().map(|defect| defect.code()).collect();
        assert_eq!(codes.len(), Defect::ALL.len());
        for defect in Defect::ALL {
            let (stage, what) = defect.code().split_once('.').unwrap();
            assert!(["framing", "normalise", "content", "body"].contains(&stage), "{defect}");
            assert!(
                what.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
                "{defect}"
            );
            assert!((400..=599).contains(&defect.status()) && defect.describe().ends_with('.'), "{defect}");
        }
    }
}
