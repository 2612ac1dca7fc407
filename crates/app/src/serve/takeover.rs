//! One process goes on in the place of another: its listening sockets come over, and no request fails.
//!
//! The one that serves waits on a socket beside the control socket, which only its owner can open. The one that is to
//! serve loads its policy, asks there, gets handles on all listening sockets, starts, and says that it serves; only then
//! the other drains. What cannot be in two hands is lent with the sockets (the file of what was learned, the file of
//! bans) and what the drain added to it comes over at its end.
//!
//! Invariants: until the new one has said that it serves, the old one accepts as ever, and takes back what it lent when
//! the new one goes away; a socket is accepted on at every moment, at times by both.

mod giving;
mod line;
mod taking;

use std::path::{Path, PathBuf};

use portcullis_gateway::Door;
use portcullis_learn::Parts;
use portcullis_model::Ban;
use portcullis_policy::Policy;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

pub(super) use giving::{Giving, Successor};
pub(super) use taking::Predecessor;

/// The version of what both say.
const PROTOCOL: u32 = 1;

/// Where the gateway with this policy can be asked for its sockets.
pub(super) fn place(policy: &Policy) -> Option<PathBuf> {
    let control = Path::new(&*policy.control.as_ref()?.socket.path);
    let mut name = control.file_name()?.to_owned();
    name.push(".takeover");
    Some(control.with_file_name(name))
}

/// What one says to the other, a line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    /// The new one: may I?
    Ask { protocol: u32, process: u32 },
    /// The old one: no.
    Refused { why: String },
    /// The old one: so many sockets follow.
    Lending { sockets: usize },
    /// One of them; its handle comes along.
    Socket { door: Word, name: SmolStr },
    /// The new one: I serve.
    Serving,
    /// The old one: all is yours.
    Yours,
    /// The old one, drained.
    Estate(Estate),
}

/// A [`Door`] as it is said.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Traffic,
    Probe,
}

impl From<Door> for Word {
    fn from(door: Door) -> Self {
        match door {
            Door::Traffic => Self::Traffic,
            Door::Probe => Self::Probe,
        }
    }
}

impl From<Word> for Door {
    fn from(word: Word) -> Self {
        match word {
            Word::Traffic => Self::Traffic,
            Word::Probe => Self::Probe,
        }
    }
}

/// What a gateway came to have while it drained.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Estate {
    /// Bans set since its file of bans was lent.
    pub(super) bans: Vec<Ban>,
    /// What it learned since its file of that was lent.
    pub(super) learned: Parts,
}
