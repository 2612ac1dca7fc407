//! Lines of JSON over a Unix socket, with handles on open files beside them.
//!
//! Invariants: handles are paired with lines in the order they were sent; those that came are closed in programs this
//! one starts; a line is bounded.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use anyhow::{Context, Result, ensure};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use tokio::io::Interest;
use tokio::net::UnixStream;

use super::Said;

/// Bytes of the longest line: bans and what was learned of every site may be in one.
const LONGEST: usize = 256 << 20;
/// Handles that one read may bring; the system ends a read behind each message that has some.
const HANDLES: usize = 16;

/// One end of the conversation.
#[derive(Debug)]
pub(super) struct Line {
    stream: UnixStream,
    read: Vec<u8>,
    handles: VecDeque<OwnedFd>,
}

impl Line {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self { stream, read: Vec::new(), handles: VecDeque::new() }
    }

    /// Whether who is at the other end may do what this process may.
    pub(super) fn is_trusted(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        let own = std::fs::metadata("/proc/self").map(|process| process.uid());
        let peer = self.stream.peer_cred().map(|peer| peer.uid());
        matches!((peer, own), (Ok(peer), Ok(own)) if peer == 0 || peer == own)
    }

    /// Says something, with a handle beside it where there is one.
    pub(super) async fn say(&mut self, said: &Said, handle: Option<BorrowedFd<'_>>) -> Result<()> {
        let mut text = serde_json::to_vec(said)?;
        text.push(b'\n');
        let (mut rest, mut handle) = (&*text, handle);
        while !rest.is_empty() {
            let sent = self.stream.async_io(Interest::WRITABLE, || send(self.stream.as_fd(), rest, handle));
            let sent = sent.await.context("the other gateway went away")?;
            handle = None;
            rest = rest.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// What the other said next; `None` once it went away.
    pub(super) async fn hear(&mut self) -> Result<Option<Said>> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Ok(Some(
                    serde_json::from_slice(&line).context("the other gateway speaks otherwise")?,
                ));
            }
            ensure!(self.read.len() < LONGEST, "the other gateway does not end its line");
            let got = self.stream.async_io(Interest::READABLE, || receive(self.stream.as_fd())).await;
            let (bytes, handles) = got.context("the other gateway went away")?;
            if bytes.is_empty() {
                return Ok(None);
            }
            self.read.extend_from_slice(&bytes);
            self.handles.extend(handles);
        }
    }

    /// The handle that came with what was heard last.
    pub(super) fn handle(&mut self) -> Option<OwnedFd> {
        self.handles.pop_front()
    }
}

fn send(stream: BorrowedFd<'_>, bytes: &[u8], handle: Option<BorrowedFd<'_>>) -> std::io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let handles = handle.map(|handle| [handle]);
    if let Some(handles) = &handles {
        beside.push(SendAncillaryMessage::ScmRights(handles));
    }
    Ok(sendmsg(stream, &[IoSlice::new(bytes)], &mut beside, SendFlags::NOSIGNAL)?)
}

fn receive(stream: BorrowedFd<'_>) -> std::io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut bytes = vec![0; 64 << 10];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(HANDLES))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let got =
        recvmsg(stream, &mut [IoSliceMut::new(&mut bytes)], &mut beside, RecvFlags::CMSG_CLOEXEC)?.bytes;
    let mut handles = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(came) = message {
            handles.extend(came);
        }
    }
    bytes.truncate(got);
    Ok((bytes, handles))
}
