//! The control socket: HTTP over a Unix socket that only its owner can open.
//!
//! Invariants: the socket is never reachable with wider permissions than 0600, not even for a moment; a socket left
//! behind by a killed process is replaced, one that somebody still listens on is not.

use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use axum::Router;
use tokio::net::{UnixListener, UnixStream};

/// Why the control socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another process answers there.
    #[error(
        "another gateway answers on {0}\n`portcullis serve --takeover` goes on in its place, and no request fails"
    )]
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
    name: Name,
}

/// Where a socket is found; gone with the value, unless another socket has taken the place.
#[derive(Debug)]
struct Name {
    /// Where it is to be found.
    path: PathBuf,
    /// Where it was bound.
    aside: PathBuf,
    /// Which file it is, to know it again.
    inode: Option<u64>,
}

impl Name {
    fn is_ours(&self, path: &Path) -> bool {
        self.inode.is_some() && std::fs::symlink_metadata(path).ok().map(|file| file.ino()) == self.inode
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        for path in [&self.aside, &self.path] {
            if self.is_ours(path) {
                // Gone already is as good.
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

impl ControlSocket {
    /// Opens the socket with mode 0600, making its folder if needed.
    pub async fn open(path: &Path) -> Result<Self, SocketError> {
        let socket = Self::prepare(path)?;
        clear_the_way(path).await?;
        socket.put_in_place()?;
        Ok(socket)
    }

    /// Makes the socket beside the place where it will be found, which another may still hold.
    pub fn prepare(path: &Path) -> Result<Self, SocketError> {
        let failed = |error| SocketError::Failed(path.to_owned(), error);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        // Bound under another name, narrowed, then put in place: nobody can connect in between.
        let aside = path.with_extension(format!("{}.new", std::process::id()));
        let _ = std::fs::remove_file(&aside);
        let listener = UnixListener::bind(&aside).map_err(failed)?;
        std::fs::set_permissions(&aside, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        let inode = std::fs::symlink_metadata(&aside).map_err(failed)?.ino();
        Ok(Self { listener, name: Name { path: path.to_owned(), aside, inode: Some(inode) } })
    }

    /// Puts it where it is found, in place of any other.
    pub fn put_in_place(&self) -> Result<(), SocketError> {
        let Name { path, aside, .. } = &self.name;
        std::fs::rename(aside, path).map_err(|error| SocketError::Failed(path.clone(), error))
    }

    /// The next that connects.
    pub async fn accept(&self) -> std::io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }

    /// Serves requests until `stop` is done.
    pub async fn serve(
        self,
        router: Router,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let Self { listener, name: _name } = self;
        tokio::select! {
            served = axum::serve(listener, router) => served,
            () = stop => Ok(()),
        }
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
        std::fs::create_dir(path.parent().expect("a folder")).expect("made");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("bound, and left behind"));
        let again = ControlSocket::open(&path).await.expect("the one left behind is replaced");
        let mode = std::fs::metadata(&path).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(ControlSocket::open(&path).await, Err(SocketError::InUse(_))));
        let successor = ControlSocket::prepare(&path).expect("beside it");
        assert!(UnixStream::connect(&path).await.is_ok(), "the one in place answers");
        successor.put_in_place().expect("in its place");
        drop(again);
        assert!(UnixStream::connect(&path).await.is_ok(), "the one before took only itself away");
        drop(successor);
        assert!(std::fs::read_dir(path.parent().expect("a folder")).expect("there").next().is_none());
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
