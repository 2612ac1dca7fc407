//! What went wrong with an archive file, told apart by what helps.

use rusqlite::ErrorCode;
use rusqlite::ffi;

use super::Fault;

/// A fault and its words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct Trouble {
    pub(crate) fault: Fault,
    pub(crate) detail: String,
}

impl Trouble {
    pub(crate) fn new(fault: Fault, detail: impl Into<String>) -> Self {
        Self { fault, detail: detail.into() }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self { fault: fault_of(&error), detail: error.to_string() }
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        let full = matches!(
            error.kind(),
            std::io::ErrorKind::StorageFull
                | std::io::ErrorKind::QuotaExceeded
                | std::io::ErrorKind::FileTooLarge
        );
        Self { fault: if full { Fault::Full } else { Fault::Unreachable }, detail: error.to_string() }
    }
}

/// Whether one row is what the archive refuses, and not the archive that fails.
pub(super) fn is_rejected(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::TooBig)
}

fn fault_of(error: &rusqlite::Error) -> Fault {
    match error.sqlite_error() {
        Some(error) => match error.code {
            ErrorCode::DiskFull => Fault::Full,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Fault::Locked,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Fault::Corrupt,
            // A file that may not grow (a quota, a limit on its size) fails in the write itself.
            ErrorCode::SystemIoFailure if error.extended_code == ffi::SQLITE_IOERR_WRITE => Fault::Full,
            ErrorCode::SystemIoFailure if error.extended_code == ffi::SQLITE_IOERR_SHORT_READ => {
                Fault::Corrupt
            }
            _ => Fault::Unreachable,
        },
        None => Fault::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart_by_what_helps() {
        for (code, fault) in [
            (ffi::SQLITE_FULL, Fault::Full),
            (ffi::SQLITE_IOERR_WRITE, Fault::Full),
            (ffi::SQLITE_BUSY, Fault::Locked),
            (ffi::SQLITE_CORRUPT, Fault::Corrupt),
            (ffi::SQLITE_NOTADB, Fault::Corrupt),
            (ffi::SQLITE_IOERR_READ, Fault::Unreachable),
            (ffi::SQLITE_CANTOPEN, Fault::Unreachable),
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(Trouble::from(error).fault, fault, "{code}");
        }
        assert!(is_rejected(&rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_TOOBIG), None)));
    }
}
