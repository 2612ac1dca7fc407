//! Which country and which operator of networks (autonomous system) an address belongs to, by `.mmdb` databases.
//!
//! Invariants: without a database nothing is said; an address a database does not know is `unknown`; what a database
//! says that is no country's code or number is taken as not known. Where files come from is not known here.

use std::net::IpAddr;

use bytes::Bytes;
use maxminddb::{PathElement, Reader};
use smol_str::{SmolStr, format_smolstr};

/// The value of an address that the database does not know.
pub(crate) const UNKNOWN: &str = "unknown";

/// Where a country's code stands, in the layouts of databases met: nested and flat.
const COUNTRY_AT: [&[PathElement<'static>]; 2] =
    [&[PathElement::Key("country"), PathElement::Key("iso_code")], &[PathElement::Key("country_code")]];

const ASN_AT: &[PathElement<'static>] = &[PathElement::Key("autonomous_system_number")];

/// The databases of a policy.
#[derive(Default)]
pub(crate) struct Databases {
    pub(crate) country: Option<Database>,
    pub(crate) asn: Option<Database>,
}

/// What an address was found to be, as values of tags; absent without a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) country: Option<SmolStr>,
    pub(crate) asn: Option<SmolStr>,
}

impl Databases {
    pub(crate) fn locate(&self, ip: IpAddr) -> Located {
        let or_unknown = |value: Option<SmolStr>| value.unwrap_or(SmolStr::new_static(UNKNOWN));
        Located {
            country: self.country.as_ref().map(|database| or_unknown(database.country(ip))),
            asn: self.asn.as_ref().map(|database| or_unknown(database.asn(ip))),
        }
    }
}

/// One database.
pub(crate) struct Database(Reader<Bytes>);

impl Database {
    /// Reads what a file holds; else says what is wrong with it.
    pub(crate) fn parse(bytes: Bytes) -> Result<Self, String> {
        let reader = Reader::from_source(bytes).map_err(|error| error.to_string())?;
        Ok(Self(reader))
    }

    /// The two letters of ISO 3166, in lower case.
    fn country(&self, ip: IpAddr) -> Option<SmolStr> {
        let found = self.0.lookup(ip).ok()?;
        let code = COUNTRY_AT.iter().find_map(|at| found.decode_path::<&str>(at).ok().flatten())?;
        let [first, second] =
            <[u8; 2]>::try_from(code.as_bytes()).ok()?.map(|byte| byte.to_ascii_lowercase());
        let is_code = first.is_ascii_lowercase() && second.is_ascii_lowercase();
        is_code.then(|| format_smolstr!("{}{}", char::from(first), char::from(second)))
    }

    fn asn(&self, ip: IpAddr) -> Option<SmolStr> {
        let number = self.0.lookup(ip).ok()?.decode_path::<u32>(ASN_AT).ok().flatten()?;
        Some(format_smolstr!("{number}"))
    }
}

#[cfg(test)]
mod tests;
