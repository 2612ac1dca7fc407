//! The servers of an upstream, and how exchanges are shared out among them.

use portcullis_document::{Node, Place, Problem};

use crate::decode::{Decode, Reading, section, words};
use crate::limit::KeyPart;
use crate::scalar::{ServerUrl, whole};
use crate::table::{Json, Kind, Scalar};
use crate::upstream::Upstream;

section! {
    /// A server with keys of its own.
    pub struct Server as "server" {
        /// Its scheme, host and port.
        url: ServerUrl,
        /// How many exchanges it gets beside the others': one of weight 2 twice as many as one of weight 1.
        weight: Weight = "1",
    }
}

/// A server, by its address alone or with keys.
#[derive(Clone, Debug)]
pub struct Servers(pub Vec<Server>);

impl std::ops::Deref for Servers {
    type Target = [Server];

    fn deref(&self) -> &[Server] {
        &self.0
    }
}

impl Decode for Servers {
    const KIND: Kind =
        Kind::OneOrMany(&Kind::Either(&[<ServerUrl as Decode>::KIND, <Server as Decode>::KIND]));

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        if node.is_null() {
            return Some(Self(Vec::new()));
        }
        let items = node.items().unwrap_or(std::slice::from_ref(node));
        Some(Self(items.iter().filter_map(|item| server(item, reading)).collect()))
    }
}

fn server(node: &Node, reading: &mut Reading) -> Option<Server> {
    if node.entries().is_some() {
        return Server::decode(node, None, reading);
    }
    let url = ServerUrl::decode(node, None, reading)?;
    Some(Server { url, weight: Weight(1), place: node.place.clone() })
}

/// A server's share beside the others'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight(u32);

impl Weight {
    /// From 1 to 100.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Decode for Weight {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "weight",
        about: "a whole number from 1 to 100",
        json: Json::Whole(1, 100),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        whole(node, 1, 100, reading).and_then(|number| u32::try_from(number).ok()).map(Self)
    }
}

words! {
    /// Which server an exchange goes to.
    pub enum Balance {
        /// One after the other, by weight.
        RoundRobin = "round_robin",
        /// The one with the fewest exchanges under way, by weight.
        LeastConnections = "least_connections",
        /// The one that `balance_key` leads to: equal keys to the same server for as long as it is well; where servers come
        /// or go, only the keys of those move. Where a part of the key is missing, one after the other.
        Hash = "hash",
    }
}

/// Notes a key that says nothing, and one that is known too late.
pub(super) fn check_balance(upstream: &Upstream, node: &Node, reading: &mut Reading) {
    let Some(written) = node.entry("balance_key") else { return };
    if upstream.balance != Balance::Hash {
        let problem =
            Problem::warning("policy.balance_key", "`balance_key` means nothing without `balance: hash`");
        reading.problems.push(problem.at(&written.key.place).remedy("add `balance: hash`"));
    }
    if upstream.balance_key.iter().any(|part| matches!(part, KeyPart::Body(_))) {
        refuse(&written.value.place, reading);
    }
}

fn refuse(place: &Place, reading: &mut Reading) {
    let problem = Problem::error("policy.balance_key", "a body is not read to find its server").at(place);
    reading.problems.push(problem.remedy("e.g. `balance_key: headers.x-tenant`, or `cookies.session`"));
}
