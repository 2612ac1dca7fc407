//! What the client is told instead of the site's answer.
//!
//! Invariant: nothing in a [`Refusal`] tells an attacker which rule, limit or list decided; the event does. How much a
//! limit lets through, and when again, is told to who is throttled by it.
//! Deliberately absent: the form (problem document or page), which the host chooses by `Accept`.

use std::sync::Arc;

use portcullis_model::EventId;
use smallvec::SmallVec;
use smol_str::SmolStr;

/// An answer of the gateway's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// A short public sentence, e.g. `Too many requests`.
    pub title: &'static str,
    /// Fields beside those of the form chosen: `Location`, `Retry-After`, `WWW-Authenticate`, a rule's own.
    pub headers: SmallVec<[(SmolStr, String); 1]>,
    /// A rule's own body, sent as it is; absent where the host makes the problem document or page.
    pub body: Option<Arc<str>>,
    /// The site's page for people, with `{id}`, `{status}` and `{title}` to be filled in (HTML-escaped).
    pub page: Option<Arc<str>>,
    /// How the caller can prove itself, where that would let it go on.
    pub prove: Option<Prove>,
    /// The id the operator can look up.
    pub id: EventId,
    /// Whether the connection can carry another request.
    pub connection: Connection,
}

/// How a caller that is challenged can prove itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prove {
    /// It is a browser that a person sees: by this page.
    Page(Box<ChallengePage>),
    /// It is a program: not by itself; a problem document says what would do.
    Elsewhere,
    /// Somebody's login came to nothing: by beginning again, at this path of the site.
    Login(String),
}

/// What the page of a challenge holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengePage {
    /// The puzzle: 64 characters of base64url. A solution is a number whose decimal digits behind it make SHA-256
    /// begin with `difficulty` zero bits.
    pub puzzle: String,
    /// How many zero bits.
    pub difficulty: u8,
    /// Path and query to go on to, as the client asked for them (not escaped).
    pub back: String,
    /// How long people without scripts still have to wait, in seconds.
    pub wait: u64,
    /// Names the page's own script and style in its content security policy.
    pub nonce: String,
    /// Where the solution goes: a form with `puzzle`, `back` and `solution`.
    pub solve_at: &'static str,
}

/// Whether a connection can be used again after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// As HTTP says.
    Keep,
    /// It is out of step or unwelcome: close it after the answer (HTTP/1).
    Close,
}

/// The public sentence for a status.
pub(crate) const fn title(status: u16) -> &'static str {
    match status {
        300..=399 => "See another address",
        400 => "The request is not valid",
        401 => "A credential is needed",
        404 => "There is nothing here",
        405 => "This method is not available here",
        408 => "The request took too long",
        413 => "The request is too large",
        414 => "The address is too long",
        415 => "This kind of content is not accepted",
        421 => "The request came to the wrong server",
        429 => "Too many requests",
        431 => "The request's header fields are too large",
        402..=499 => "The request was refused",
        502 => "The site gave no usable answer",
        503 => "The site is not available",
        504 => "The site did not answer in time",
        505 => "This version of HTTP is not supported",
        _ => "The request could not be served",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_sentence_that_names_no_cause() {
        for status in 300..=599 {
            let text = title(status);
            assert!(!text.is_empty());
            for word in ["rule", "limit", "list", "ban", "policy", "contract"] {
                assert!(!text.to_lowercase().contains(word), "{status}: {text}");
            }
        }
    }
}
