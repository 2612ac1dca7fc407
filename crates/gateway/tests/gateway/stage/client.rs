//! Clients that write exactly the bytes a test gives them.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;

/// A connection in clear.
pub(crate) async fn plain(address: SocketAddr) -> Wire<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    Wire { stream }
}

/// Sends these bytes in one write and reads until the gateway closes.
pub(crate) async fn raw(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut wire = plain(address).await;
    wire.send(bytes).await;
    wire.read_to_end().await
}

/// An ordinary last request for a target.
pub(crate) fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
}

/// A connection and what to do with it.
pub(crate) struct Wire<T> {
    pub(crate) stream: T,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Wire<T> {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Everything until the gateway closes.
    pub(crate) async fn read_to_end(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = timeout(PATIENCE, self.stream.read_to_end(&mut bytes)).await;
        // A reset after the answer is for the client to live with; a hang is not.
        let _ = read.unwrap_or_else(|_| {
            panic!("the gateway did not close after {:?}", String::from_utf8_lossy(&bytes))
        });
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Everything until this text has come.
    pub(crate) async fn read_until(&mut self, text: &str) -> String {
        let mut bytes = Vec::new();
        let reading = async {
            let mut buf = [0; 4096];
            while !String::from_utf8_lossy(&bytes).contains(text) {
                let read = self.stream.read(&mut buf).await.unwrap();
                assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&bytes));
                bytes.extend_from_slice(&buf[..read]);
            }
        };
        timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("no {text:?} came"));
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
