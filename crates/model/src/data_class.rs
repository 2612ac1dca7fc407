//! Classes of sensitive data, how sure a classification is, and where in an exchange it was met.
//!
//! Invariant: names of fields, never values. How values are told apart is another crate's.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A class of sensitive data; the names are those policies use.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DataClass {
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// The number of a payment card (ISO/IEC 7812).
    PaymentCard,
    /// An international bank account number (ISO 13616).
    Iban,
    /// A social security number of the United States.
    UsSsn,
    /// A credential: a private key, a token, an API key, a password.
    Secret,
}

impl DataClass {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Email, Self::Phone, Self::PaymentCard, Self::Iban, Self::UsSsn, Self::Secret];

    /// The word used in policies, tags (`data:email`) and conditions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::PaymentCard => "payment_card",
            Self::Iban => "iban",
            Self::UsSsn => "us_ssn",
            Self::Secret => "secret",
        }
    }
}

/// How sure it is that a value belongs to a class, from least to most.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Only the field's name says so.
    Named,
    /// The value has the form; other things have it, too.
    Likely,
    /// The value has a form or check digits that little else has, or both value and name say so.
    Sure,
}

/// Where in an exchange a value stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DataPlace {
    /// A parameter of the query.
    Query,
    /// A field of the request's body.
    RequestBody,
    /// A field of the answer's body.
    ResponseBody,
}

impl DataPlace {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::RequestBody => "request body",
            Self::ResponseBody => "response body",
        }
    }
}

/// A class met in a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FieldData {
    /// Where the field stands.
    pub place: DataPlace,
    /// Its names from the outermost value on, `customers[].contact.email`; `*` for a name that is data itself, and empty
    /// for a body that is one value.
    pub field: SmolStr,
    /// The class.
    pub class: DataClass,
    /// How sure that is, at the surest value.
    pub confidence: Confidence,
    /// How many values of the field.
    pub count: u32,
}
