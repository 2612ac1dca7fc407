//! Questions to a resolver: which names an address has, and which addresses these have; over UDP, and over TCP where an
//! answer was cut (RFC 7766).
//!
//! Invariants: a question goes out from a port of its own under an id nobody can guess; an answer to another question is
//! passed over; nothing but what stands in answers is believed, and no more than [`NAMES`] names of an address are asked
//! about. Deliberately absent: caching.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use portcullis_engine::Named;
use simple_dns::rdata::{PTR, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, Question, RCODE, TYPE};
use smol_str::SmolStr;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

/// Names of one address that are asked about.
const NAMES: usize = 4;

/// How long an answer is waited for before the question is sent again.
const AGAIN: Duration = Duration::from_millis(500);

/// The longest message without EDNS (RFC 1035 §2.3.4), and what resolvers send regardless.
const LARGEST: usize = 4096;
/// The longest message over TCP that is read: a cut answer has few records too many.
const LARGEST_WHOLE: usize = 16 * 1024;

/// Why nobody could say.
#[derive(Debug, Error)]
pub(super) enum Failure {
    /// The resolver cannot be asked.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It did not answer in time.
    #[error("no answer in time")]
    Late,
    /// It answered that it cannot say, or half.
    #[error("it could not say")]
    Unanswered,
    /// No question can be made of the name.
    #[error("no name")]
    NoName,
}

/// The names of an address that lead back to it, if any do.
pub(super) async fn confirmed(
    resolver: SocketAddr,
    ip: IpAddr,
    patience: Duration,
) -> Result<Option<Named>, Failure> {
    let asking = async {
        let ip = ip.to_canonical();
        let mut names: Vec<SmolStr> = Vec::new();
        for name in ask(resolver, &reverse(ip), TYPE::PTR, names_in).await?.into_iter().take(NAMES) {
            let kind = if ip.is_ipv4() { TYPE::A } else { TYPE::AAAA };
            if ask(resolver, &name, kind, addresses_in).await?.contains(&ip) {
                names.push(name);
            }
        }
        Ok(Some(names).filter(|names| !names.is_empty()).map(|names| Named::Confirmed(names.into())))
    };
    tokio::time::timeout(patience, asking).await.unwrap_or(Err(Failure::Late))
}

/// The name under which an address's names stand (RFC 1035 §3.5, RFC 3596 §2.5).
fn reverse(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(ip) => {
            let digits = (0..32).map(|at| format!("{:x}.", ip.to_bits() >> (4 * at) & 0xf));
            digits.collect::<String>() + "ip6.arpa"
        }
    }
}

/// Asks one question, a second time where no answer comes.
async fn ask<T>(
    resolver: SocketAddr,
    name: &str,
    kind: TYPE,
    read: impl Fn(&Packet<'_>) -> Vec<T>,
) -> Result<Vec<T>, Failure> {
    let own =
        if resolver.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((own, 0)).await?;
    socket.connect(resolver).await?;
    let id = fresh_id()?;
    let question = question(id, name, kind)?;
    let mut buffer = [0; LARGEST];
    loop {
        socket.send(&question).await?;
        let answered = async {
            loop {
                let size = socket.recv(&mut buffer).await?;
                let message = buffer.get(..size).unwrap_or_default();
                let Some(answer) = answer(message, id, name, kind) else { continue };
                let is_cut = answer.has_flags(PacketFlag::TRUNCATION);
                let found = if is_cut { None } else { Some(read_answer(&answer, &read)?) };
                return Ok::<_, Failure>(found);
            }
        };
        // Again and again, until patience is over.
        if let Ok(answered) = tokio::time::timeout(AGAIN, answered).await {
            if let Some(found) = answered? {
                return Ok(found);
            }
            let whole = ask_whole(resolver, &question).await?;
            let answer = answer(&whole, id, name, kind).ok_or(Failure::Unanswered)?;
            return read_answer(&answer, &read);
        }
    }
}

/// Asks for an answer that is not cut, over a connection of its own; how long that takes is bounded by who waits.
async fn ask_whole(resolver: SocketAddr, question: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut stream = TcpStream::connect(resolver).await?;
    let length = u16::try_from(question.len()).map_err(|_| Failure::NoName)?;
    stream.write_all(&[&length.to_be_bytes(), question].concat()).await?;
    let size = usize::from(stream.read_u16().await?);
    if size > LARGEST_WHOLE {
        return Err(Failure::Unanswered);
    }
    let mut message = vec![0; size];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

fn question(id: u16, name: &str, kind: TYPE) -> Result<Vec<u8>, Failure> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name).map_err(|_| Failure::NoName)?;
    packet.questions.push(Question::new(name, kind.into(), CLASS::IN.into(), false));
    packet.build_bytes_vec().map_err(|_| Failure::NoName)
}

/// A message that answers this question.
fn answer<'a>(message: &'a [u8], id: u16, name: &str, kind: TYPE) -> Option<Packet<'a>> {
    let packet = Packet::parse(message).ok()?;
    let [asked] = packet.questions.as_slice() else { return None };
    let is_ours = packet.has_flags(PacketFlag::RESPONSE)
        && packet.id() == id
        && asked.qtype == QTYPE::TYPE(kind)
        && asked.qname.to_string().eq_ignore_ascii_case(name);
    is_ours.then_some(packet)
}

fn read_answer<T>(answer: &Packet<'_>, read: impl Fn(&Packet<'_>) -> Vec<T>) -> Result<Vec<T>, Failure> {
    match answer.rcode() {
        RCODE::NoError if answer.has_flags(PacketFlag::TRUNCATION) => Err(Failure::Unanswered),
        RCODE::NoError => Ok(read(answer)),
        RCODE::NameError => Ok(Vec::new()),
        _ => Err(Failure::Unanswered),
    }
}

fn names_in(answer: &Packet<'_>) -> Vec<SmolStr> {
    let name = |data: &RData<'_>| match data {
        RData::PTR(PTR(name)) => Some(name.to_string().to_ascii_lowercase().into()),
        _ => None,
    };
    answer.answers.iter().filter_map(|record| name(&record.rdata)).collect()
}

fn addresses_in(answer: &Packet<'_>) -> Vec<IpAddr> {
    let address = |data: &RData<'_>| match data {
        RData::A(a) => Some(IpAddr::from(Ipv4Addr::from(a.address))),
        RData::AAAA(aaaa) => Some(IpAddr::from(Ipv6Addr::from(aaaa.address))),
        _ => None,
    };
    answer.answers.iter().filter_map(|record| address(&record.rdata)).collect()
}

/// An id that nobody who sees others can guess.
fn fresh_id() -> Result<u16, Failure> {
    let mut bytes = [0; 2];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Failure::Unanswered)?;
    Ok(u16::from_ne_bytes(bytes))
}

/// The first resolver that `/etc/resolv.conf` names.
pub(super) fn first_resolver(text: &str) -> Option<SocketAddr> {
    let servers = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        if words.next() != Some("nameserver") {
            return None;
        }
        words.next()?.parse::<IpAddr>().ok()
    });
    servers.map(|ip| SocketAddr::new(ip, 53)).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_asked_about_backwards() {
        let check = |ip: &str| reverse(ip.parse().unwrap());
        assert_eq!(check("66.249.66.1"), "1.66.249.66.in-addr.arpa");
        let expected = "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa";
        assert_eq!(check("4321:0:1:2:3:4:567:89ab"), expected);
    }

    #[test]
    fn the_system_s_resolver_is_found() {
        let text = "# by hand\nsearch example\noptions ndots:1\nnameserver fe80::1%eth0\nnameserver 192.0.2.53\nnameserver 192.0.2.54\n";
        assert_eq!(first_resolver(text), Some("192.0.2.53:53".parse().unwrap()));
        assert_eq!(first_resolver("search example\n"), None);
    }

    #[test]
    fn only_answers_to_the_question_count() {
        let asked = question(7, "a.example", TYPE::A).unwrap();
        let mut reply = Packet::parse(&asked).unwrap().into_reply();
        let bytes = reply.build_bytes_vec().unwrap();
        assert!(answer(&bytes, 7, "A.example", TYPE::A).is_some());
        for (id, name, kind) in
            [(8, "a.example", TYPE::A), (7, "b.example", TYPE::A), (7, "a.example", TYPE::PTR)]
        {
            assert!(answer(&bytes, id, name, kind).is_none(), "{id} {name}");
        }
        assert!(answer(&asked, 7, "a.example", TYPE::A).is_none(), "a question is no answer");
        assert!(answer(&bytes[..bytes.len() - 1], 7, "a.example", TYPE::A).is_none());
        *reply.rcode_mut() = RCODE::ServerFailure;
        assert!(read_answer(&reply, addresses_in).is_err());
        *reply.rcode_mut() = RCODE::NameError;
        assert!(read_answer(&reply, addresses_in).unwrap().is_empty());
    }
}
