//! Named lists of addresses and other values: where they come from, and how they are written there.
//!
//! Invariant: a list comes from somewhere, in one form. What is in it is not known here.

use std::time::Duration;

use ipnet::IpNet;
use portcullis_document::{Node, Problem};
use smol_str::SmolStr;

use crate::decode::{ByName, Decode, Reading, TakesName, nothing_written, section, words};
use crate::scalar::{ByteSize, DocumentRef, FileRef, FolderRef};
use crate::table::{Json, Kind, Scalar};

section! {
    /// A named set of addresses or other values, for rules: `ip in lists.NAME`, `tag("list:NAME")`.
    pub struct List as "list" {
        /// Addresses and networks.
        ranges: Vec<IpNet> = "[]",
        /// A file of them: one address, network or other value a line; `#` and `;` begin a comment. Watched and reloaded.
        file: Option<FileRef>,
        /// The same, by URL (`https://…`): asked for again every `fetch.refresh`.
        url: Option<DocumentRef>,
        /// Where entries stand in a file or answer that is JSON.
        json: Option<JsonEntries>,
        /// Where entries stand in a file or answer that is CSV.
        csv: Option<CsvEntries>,
        /// What entries can be: `addresses` where they come by URL, else `anything`, if not given.
        of: Option<EntriesOf>,
        /// How many entries it may have; more are a mistake, and by URL what came before stays.
        max_entries: u32 = "1000000",
        /// How it comes by URL.
        fetch: ListFetch = "{}",
        + {
            /// Its name.
            name: SmolStr = SmolStr::default(),
        }
    }
    => settle_list
}

words! {
    /// What a list's entries can be.
    pub enum EntriesOf {
        /// Addresses, networks, and ranges; anything else is a mistake.
        Addresses = "addresses",
        /// Any values; what looks like an address and is none is a mistake.
        Anything = "anything",
    }
}

section! {
    /// Where entries stand in JSON.
    pub struct JsonEntries as "entries in JSON" {
        /// The array that holds them, as a JSON Pointer (RFC 6901), e.g. `/prefixes`; the whole document if not given.
        at: Option<SmolStr>,
        /// Where its items are objects: the members that are entries; items without them are skipped.
        fields: Vec<SmolStr> = "[]",
    }
    => settle_json
}

section! {
    /// Where entries stand in CSV (RFC 4180); lines that begin with `#` are comments.
    pub struct CsvEntries as "entries in CSV" {
        /// The column: its name in the first row, or its number, from 1, where there is no such row.
        column: Column,
        /// What stands between columns: one character.
        separator: SmolStr = "','",
    }
    => settle_csv
}

section! {
    /// How a list comes by URL.
    pub struct ListFetch as "list fetch" {
        /// How often it is asked for; sooner where the answer's `Cache-Control` says so, but not within a minute.
        refresh: Duration = "1h",
        /// How long an answer may take, from looking up the name to its last byte.
        timeout: Duration = "10s",
        /// How large an answer may be.
        max_size: ByteSize = "16MiB",
        /// Who signs the certificate of the server that has it, in PEM, in the place of the web's authorities.
        ca: Option<FileRef>,
        /// Where the last good copies are kept: in an outage of its server they are used for as long as it takes, also
        /// after a restart.
        copies: FolderRef = "data/lists",
        /// What it is where it cannot be had and no copy is there.
        on_failure: WithoutList = "empty",
    }
}

words! {
    /// What stands for a list that never came.
    pub enum WithoutList {
        /// It has no entries until it comes; a warning says so.
        Empty = "empty",
        /// The policy is refused: the gateway does not start with it, or goes on with the one before.
        Refuse = "refuse",
    }
}

/// A column of CSV.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// By its name in the first row.
    Name(SmolStr),
    /// By its number, from 1.
    Number(usize),
}

impl Decode for Column {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "column",
        about: "a column's name in the first row, or its number, from 1",
        json: Json::PatternOrWhole(".+"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "a column's name or number")?;
        match text.parse() {
            Ok(0) => reading.wrong_kind(node, "a column's name or number", "columns are counted from 1"),
            Ok(number) => Some(Self::Number(number)),
            Err(_) if text.is_empty() => reading.wrong_kind(node, "a column's name or number", ""),
            Err(_) => Some(Self::Name(text)),
        }
    }
}

impl List {
    /// Whether entries must be addresses.
    pub fn is_of_addresses(&self) -> bool {
        self.of.unwrap_or(if self.url.is_some() { EntriesOf::Addresses } else { EntriesOf::Anything })
            == EntriesOf::Addresses
    }
}

fn settle_list(list: List, node: &Node, reading: &mut Reading) -> Option<List> {
    if ["ranges", "file", "url"].iter().all(|key| nothing_written(node, key)) {
        let problem = Problem::error("policy.empty_list", "the list names nothing").at(&node.place);
        return reading.refuse(problem.remedy("give it `ranges: [NETWORK]`, a `file: PATH` or a `url: URL`"));
    }
    if let Some(named) = list.url.as_ref().filter(|url| !url.is_remote()) {
        let problem = Problem::error("policy.not_a_url", "this must be a URL").at(&named.place);
        return reading.refuse(problem.remedy("write `https://…`, or name a file: `file: PATH`"));
    }
    if let Some(named) = list.url.as_ref().filter(|url| has_credentials(&url.path)) {
        let problem = Problem::error("policy.credentials_in_url", "credentials in a URL are not sent");
        let remedy = "leave them out; a feed that wants a key takes it in the query, which is shown nowhere";
        return reading.refuse(problem.at(&named.place).concealed().remedy(remedy));
    }
    if let (Some(_), Some(csv)) = (&list.json, node.entry("csv")) {
        let problem = Problem::error("policy.two_forms", "a list is JSON or CSV, not both");
        return reading.refuse(problem.at(&csv.key.place).remedy("leave one of the two out"));
    }
    let form = node.entry("json").or_else(|| node.entry("csv"));
    if let Some(form) = form.filter(|_| list.file.is_none() && list.url.is_none()) {
        let problem = Problem::error("policy.no_feed", "this says how a file is written, and there is none");
        return reading.refuse(problem.at(&form.key.place).remedy("give a `file: PATH` or a `url: URL`"));
    }
    if let Some(fetch) = node.entry("fetch").filter(|_| list.url.is_none()) {
        let problem =
            Problem::error("policy.no_feed", "this says how an answer is fetched, and there is no URL");
        return reading.refuse(problem.at(&fetch.key.place).remedy("give a `url: URL`"));
    }
    let fetch = &list.fetch;
    for (key, is_zero) in [
        ("refresh", fetch.refresh.is_zero()),
        ("timeout", fetch.timeout.is_zero()),
        ("max_size", fetch.max_size.get() == 0),
    ] {
        if is_zero {
            let place =
                node.get("fetch").and_then(|fetch| fetch.get(key)).map_or(&node.place, |node| &node.place);
            let problem = Problem::error("policy.zero", format!("`{key}` must be more than nothing"));
            return reading.refuse(problem.at(place).remedy("leave it out for the default"));
        }
    }
    Some(list)
}

fn has_credentials(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

fn settle_json(json: JsonEntries, node: &Node, reading: &mut Reading) -> Option<JsonEntries> {
    let Some(wrong) = json.at.as_ref().filter(|at| !at.starts_with('/')) else { return Some(json) };
    let place = &node.get("at").unwrap_or(node).place;
    let problem = Problem::error("policy.not_a_pointer", "this is no JSON Pointer").at(place);
    reading.refuse(problem.remedy(format!("write `/{}`", wrong.replace('.', "/"))))
}

fn settle_csv(csv: CsvEntries, node: &Node, reading: &mut Reading) -> Option<CsvEntries> {
    let is_one = csv.separator.len() == 1 && !["\"", "\n", "\r", "#"].contains(&csv.separator.as_str());
    if is_one {
        return Some(csv);
    }
    let place = &node.get("separator").unwrap_or(node).place;
    let problem = Problem::error("policy.not_a_separator", "columns are separated by one ASCII character");
    reading.refuse(problem.at(place).remedy("e.g. `separator: \";\"`"))
}

impl TakesName for List {
    const WHAT: &'static str = "list";

    fn named(self, name: SmolStr) -> Self {
        Self { name, ..self }
    }
}

/// The lists, by name.
pub type Lists = ByName<List>;
