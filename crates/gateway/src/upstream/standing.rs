//! How each upstream server stands, for people who ask.

use portcullis_model::Tick;
use smol_str::SmolStr;

use super::health::Condition;
use super::server::Server;

/// A server, and whether it gets exchanges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerStanding {
    /// The site it is behind.
    pub site: SmolStr,
    /// The upstream's name, where the site has several.
    pub upstream: Option<SmolStr>,
    /// The server, as policy writes it.
    pub server: SmolStr,
    /// How it is.
    pub state: ServerState,
    /// Exchanges going on at it.
    pub active: u64,
}

/// Whether a server gets exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// It does.
    Up,
    /// It failed too often, and is left alone for a while.
    Paused,
    /// It does not answer its checks.
    Down,
}

impl ServerState {
    /// The word programs read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Paused => "paused",
            Self::Down => "down",
        }
    }
}

impl ServerStanding {
    /// That of one server.
    pub(super) fn of(site: SmolStr, upstream: Option<SmolStr>, server: &Server, now: Tick) -> Self {
        let state = match server.health.condition() {
            Condition::Down => ServerState::Down,
            Condition::Well if server.health.paused(now) => ServerState::Paused,
            Condition::Well => ServerState::Up,
        };
        let (active, server) = (server.active() as u64, server.endpoint().name.clone());
        Self { site, upstream, server, state, active }
    }
}
