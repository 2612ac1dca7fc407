//! Readings of single fields: cookies, media types, what a client accepts, forwarding hops, byte ranges.
//!
//! Lenient where clients are: what cannot be read is left out or read as absent, never an error; a caller that must
//! be strict compares with the raw value. Does not know which fields a policy cares about.

mod accept;
mod address;
mod cookie;
mod disposition;
mod media_type;
mod range;

pub use accept::{accepted_codings, preferred, restrict_codings};
pub use address::{AddressSource, client_address};
pub use cookie::cookies;
pub(crate) use disposition::Disposition;
pub use media_type::MediaType;
pub use range::{ByteRange, byte_ranges};
