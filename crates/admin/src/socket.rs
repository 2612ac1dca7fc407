//! The control socket: HTTP over a Unix socket that only its owner can open.
//!
//! Invariants: the socket is never reachable with wider permissions than 0600, not even for a moment; a socket left
//! behind by a killed process is replaced, one that somebody still listens on is not.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use axum::Router;
use tokio::net::{UnixListener, UnixStream};

/// Why the control socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another process answers there.
    #[error("another gateway answers on {0}")]
    InUse(PathBuf),
    /// Something that is not a socket is in its place.
    #[error("{0} is there and is not a socket")]
    NotASocket(PathBuf),
    /// The system said no.
    #[error("cannot open the control socket {0}: {1}")]
    Failed(PathBuf, std::io::Error),
}

/// An open control socket; the file goes when serving ends.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    /// Opens the socket with mode 0600, making its folder if needed.
    pub async fn open(path: &Path) -> Result<Self, SocketError> {
        let failed = |error| SocketError::Failed(path.to_owned(), error);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        clear_the_way(path).await?;
        // Bound under another name, narrowed, then put in place: nobody can connect in between.
        let aside = path.with_extension(format!("{}.new", std::process::id()));
        let _ = std::fs::remove_file(&aside);
        let listener = UnixListener::bind(&aside).map_err(failed)?;
        std::fs::set_permissions(&aside, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        std::fs::rename(&aside, path).map_err(failed)?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Serves requests until `stop` is done.
    pub async fn serve(
        self,
        router: Router,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let Self { listener, path } = self;
        let served = tokio::select! {
            served = axum::serve(listener, router) => served,
            () = stop => Ok(()),
        };
        let _ = std::fs::remove_file(path);
        served
    }
}

async fn clear_the_way(path: &Path) -> Result<(), SocketError> {
    let Ok(there) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if !there.file_type().is_socket() {
        return Err(SocketError::NotASocket(path.to_owned()));
    }
    match UnixStream::connect(path).await {
        Ok(_) => Err(SocketError::InUse(path.to_owned())),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_owner_may_open_it_and_a_stale_one_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/control.sock");
        drop(ControlSocket::open(&path).await.expect("opens"));
        let mode = std::fs::metadata(&path).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = ControlSocket::open(&path).await.expect("the one left behind is replaced");
        assert!(matches!(ControlSocket::open(&path).await, Err(SocketError::InUse(_))));
        drop(again);
    }

    #[tokio::test]
    async fn another_kind_of_file_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("precious.txt");
        std::fs::write(&path, "text").expect("written");
        assert!(matches!(ControlSocket::open(&path).await, Err(SocketError::NotASocket(_))));
        assert_eq!(std::fs::read_to_string(&path).expect("still there"), "text");
    }
}
