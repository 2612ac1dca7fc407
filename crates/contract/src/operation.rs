//! One declared operation: method, path template and what the contract says about calling it.
//!
//! Invariants: an operation exists only if a document declared it; its id depends on the site, the method and
//! the template's shape alone, so renaming a parameter, moving the operation to another document or learning it
//! from traffic before it is declared keeps the id. It knows nothing of policy.

use std::sync::Arc;

use http::Method;
use portcullis_document::Place;
use portcullis_model::call::Call;
use portcullis_model::{OperationId, Timestamp};
use smol_str::{SmolStr, format_smolstr};

use crate::check::{RequestRules, ResponseRules};
use crate::surface::Surface;
use crate::template::Template;

/// An operation a site's contract declares.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its stable id.
    pub id: OperationId,
    /// What people call it: `GET /customers/{customerId}`, base path included.
    pub name: SmolStr,
    /// The method.
    pub method: Method,
    /// The path template, base path included.
    pub template: Template,
    /// The document's `operationId`.
    pub operation_id: Option<SmolStr>,
    /// Whether the document says it should no longer be called.
    pub deprecated: bool,
    /// When it is, or was, to be switched off (`x-sunset`).
    pub sunset: Option<Timestamp>,
    /// What becomes of requests that are not as declared, where the operation was frozen from traffic
    /// (`x-portcullis-checks`).
    pub frozen: Option<Frozen>,
    /// What may be called by name on its path (`x-portcullis-calls`), in order; none where it says nothing of that.
    pub calls: Option<Arc<[DeclaredCall]>>,
    /// What a caller must prove.
    pub security: Security,
    /// What its requests look like; says nothing where the contract was loaded to [`find`](crate::Purpose::Find) alone.
    pub requests: Arc<RequestRules>,
    /// What it declares by name.
    pub surface: Arc<Surface>,
    /// What its responses look like; says nothing unless the contract was loaded to check
    /// [`Exchanges`](crate::Purpose::Exchanges).
    pub responses: Arc<ResponseRules>,
    /// The document that declares it, as the site's policy names it.
    pub document: SmolStr,
    /// Where it is declared.
    pub place: Place,
}

impl Operation {
    /// Whether it says that a call by name may be made on its path.
    pub fn lists(&self, call: &Call) -> bool {
        self.calls.iter().flat_map(|calls| calls.iter()).any(|known| known.call == *call)
    }

    /// Whether it was still to be called at `now`: neither deprecated nor past its sunset.
    pub fn current(&self, now: Timestamp) -> bool {
        !self.deprecated && self.sunset.is_none_or(|sunset| now < sunset)
    }
}

/// A call by name that an operation declares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeclaredCall {
    /// What is called.
    pub call: Call,
    /// Whether it should no longer be called.
    pub deprecated: bool,
}

/// How far an operation that was frozen from traffic is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frozen {
    /// What is otherwise than it was learned is marked.
    Monitor,
    /// It is refused.
    Block,
}

/// What the contract asks a caller of an operation to prove (OpenAPI's `security`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// Nothing: `security: []`, or `[{}]`.
    Public,
    /// The document does not say.
    Unstated,
    /// Every scheme of one of these alternatives. An alternative without schemes is met by anyone.
    AnyOf(Vec<Vec<Requirement>>),
}

impl Security {
    /// Whether the document says that anyone may call, with a credential or without.
    pub fn admits_anyone(&self) -> bool {
        match self {
            Self::Public => true,
            Self::Unstated => false,
            Self::AnyOf(alternatives) => alternatives.iter().any(Vec::is_empty),
        }
    }
}

/// One scheme an alternative asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The scheme's name in the document.
    pub scheme: SmolStr,
    /// The scopes (OAuth 2, `OpenID` Connect) or roles.
    pub scopes: Vec<SmolStr>,
}

/// A security scheme a document declares; policy says which identity provider proves it.
#[derive(Clone, Debug)]
pub struct Scheme {
    /// Its name.
    pub name: SmolStr,
    /// How it proves a caller, in the document's words: `http bearer`, `apiKey header X-Api-Key`, `oauth2`.
    pub kind: SmolStr,
    /// Where it is declared.
    pub place: Place,
}

/// The stable id of an operation of a site: 16 hexadecimal digits of BLAKE3 over site, method and the
/// template's [shape](Template::shape).
///
/// ```
/// use portcullis_contract::{Template, operation_id};
/// let (declared, _) = Template::parse("/customers/{customerId}").unwrap();
/// let (learned, _) = Template::parse("/customers/{number}").unwrap();
/// assert_eq!(operation_id("shop", "GET", &declared), operation_id("shop", "GET", &learned));
/// ```
pub fn operation_id(site: &str, method: &str, template: &Template) -> OperationId {
    let mut hasher = blake3::Hasher::new();
    for part in [site, method, &template.shape()] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut eight = [0; 8];
    hasher.finalize_xof().fill(&mut eight);
    OperationId::new(format_smolstr!("{:016x}", u64::from_be_bytes(eight)))
}
