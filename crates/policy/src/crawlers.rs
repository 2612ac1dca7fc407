//! How crawlers that say who they are prove it, beside the lists of their names.

use std::net::SocketAddr;
use std::time::Duration;

use portcullis_document::{Node, Problem};

use crate::decode::{Reading, section};

section! {
    /// How well-known crawlers prove that they are what they say.
    pub struct Crawlers as "crawlers" {
        /// By the names of their addresses: where there is no list of a crawler's name, its address is looked up in the
        /// DNS, and that name's addresses; not if not given.
        dns: Option<CrawlerDns>,
    }
}

section! {
    /// Crawlers' addresses looked up in the DNS, while no request waits.
    pub struct CrawlerDns as "crawler names" {
        /// The resolver that is asked, over UDP; the first of `/etc/resolv.conf` if not given.
        resolver: Option<SocketAddr>,
        /// How long all questions about one address may take.
        timeout: Duration = "2s",
        /// How long an address that was confirmed is not asked about again.
        keep: Duration = "1d",
        /// How long one is not asked about again that has no name, or a name that does not lead back to it.
        keep_unconfirmed: Duration = "1h",
        /// Of how many addresses the answers are kept.
        max_addresses: u32 = "10000",
        /// About how many addresses is asked at once.
        at_once: u32 = "32",
    }
    => settle_dns
}

fn settle_dns(dns: CrawlerDns, node: &Node, reading: &mut Reading) -> Option<CrawlerDns> {
    for (key, is_zero) in [
        ("timeout", dns.timeout.is_zero()),
        ("max_addresses", dns.max_addresses == 0),
        ("at_once", dns.at_once == 0),
    ] {
        if is_zero {
            let place = &node.get(key).unwrap_or(node).place;
            let problem =
                Problem::error("policy.zero", format!("`{key}` must be more than nothing")).at(place);
            return reading.refuse(problem.remedy("leave it out for the default"));
        }
    }
    Some(dns)
}
