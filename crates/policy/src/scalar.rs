//! The scalars of the language: numbers with units, names, addresses, files and secrets.

mod address;
mod file;
mod filtering;
mod name;
mod number;

pub use address::{HostPattern, ServerScheme, ServerUrl};
pub(crate) use file::is_url;
pub use file::{DocumentRef, FileRef, SecretSource};
pub use filtering::{FilterLevel, FolderRef, MediaRange, PlacePattern, RuleSelector};
pub use name::{FieldPath, FieldStep, HeaderName, StatusCode, TagName};
pub use number::{ByteSize, Rate, Share};
pub(crate) use number::{parse_duration, parse_size, whole};
