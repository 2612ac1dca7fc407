//! The access log: where its lines go and how they read.

use portcullis_document::{Node, Problem};

use crate::condition::EventTemplate;
use crate::decode::{Decode, Reading, section};
use crate::scalar::ByteSize;
use crate::server::DataPath;
use crate::table::{Kind, Word};

section! {
    /// A line for every exchange. What events hide is hidden here, too.
    pub struct AccessLog as "access log" {
        /// Where lines go. A file is opened anew at every reload, on `SIGHUP`, and where it was moved away or removed.
        to: LogTarget,
        /// How a line reads.
        format: LogFormat = "combined",
        /// Bytes of lines that may wait to be written; what does not fit is counted and dropped.
        buffer: ByteSize = "4MiB",
    }
    => settle
}

fn settle(log: AccessLog, node: &Node, reading: &mut Reading) -> Option<AccessLog> {
    if log.buffer.get() >= LEAST {
        return Some(log);
    }
    let place = node.get("buffer").map_or(&node.place, |buffer| &buffer.place);
    let problem = Problem::error("policy.small_buffer", "long lines would never fit").at(place);
    reading.refuse(problem.remedy("give it `64KiB` or more"))
}

/// The least buffer: a line is as long as a request's target may be, and then some.
const LEAST: u64 = 64 << 10;

/// Where lines go.
#[derive(Clone, Debug)]
pub enum LogTarget {
    /// The standard output.
    Stdout,
    /// The standard error.
    Stderr,
    /// A file.
    File(DataPath),
}

/// Targets that are no files.
const STREAMS: &[Word] = &[
    Word { word: "stdout", about: &["The standard output."] },
    Word { word: "stderr", about: &["The standard error, beside the gateway's own log."] },
];

impl Decode for LogTarget {
    const KIND: Kind = Kind::Either(&[Kind::Words(STREAMS), <DataPath as Decode>::KIND]);

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        match node.as_str() {
            Some("stdout") => Some(Self::Stdout),
            Some("stderr") => Some(Self::Stderr),
            _ => DataPath::decode(node, None, reading).map(Self::File),
        }
    }
}

/// How a line reads.
#[derive(Clone, Debug)]
pub enum LogFormat {
    /// The common log format.
    Common,
    /// The combined log format.
    Combined,
    /// JSON.
    Json,
    /// A text of one's own.
    Template(EventTemplate),
}

/// The formats there are.
const FORMATS: &[Word] = &[
    Word {
        word: "common",
        about: &["The common log format: address, `-`, identity, time, request, status, bytes."],
    },
    Word { word: "combined", about: &["The same, then `Referer` and `User-Agent`."] },
    Word { word: "json", about: &["A JSON object a line."] },
];

impl Decode for LogFormat {
    const KIND: Kind = Kind::Either(&[Kind::Words(FORMATS), <EventTemplate as Decode>::KIND]);

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        match node.as_str() {
            Some("common") => Some(Self::Common),
            Some("combined") => Some(Self::Combined),
            Some("json") => Some(Self::Json),
            Some(text) if text.contains("${") => {
                EventTemplate::decode(node, None, reading).map(Self::Template)
            }
            _ => reading.wrong_kind(
                node,
                "`common`, `combined`, `json` or a template",
                "a template names what a line tells: `${ip} ${method} ${path} ${status}`",
            ),
        }
    }
}
