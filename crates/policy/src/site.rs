//! Sites and their routes: which hosts, which upstream, which contract, and the settings that hold there.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use portcullis_document::{Node, Problem};
use smol_str::SmolStr;

use crate::challenge::Challenge;
use crate::condition::Condition;
use crate::decode::{ByName, Decode, Reading, TakesName, nothing_written, section, suggest, words};
use crate::filter::Filter;
use crate::identity::TellCaller;
use crate::limit::Limit;
use crate::pattern::RoutePattern;
use crate::require::Require;
use crate::rule::Rule;
use crate::scalar::{ByteSize, DocumentRef, FileRef, FolderRef, HeaderName, HostPattern};
use crate::table::Kind;
use crate::upstream::{self, PathUpstreams, Upstream};

section! {
    /// Host names, the upstream they go to, and the policy that holds there.
    pub struct Site as "site" {
        /// The host names it answers for; an exact name wins over `*.`, the longer `*.` over the shorter, `*` is last.
        hosts: Vec<HostPattern>,
        /// The servers behind it; with `upstreams`, those for all other paths, which are answered with 404 where there
        /// are none.
        upstream: Option<Upstream>,
        /// Further upstreams, by name: each for the paths below a prefix.
        upstreams: PathUpstreams = "{}",
        /// The OpenAPI documents that say which calls exist.
        contract: Option<ContractRef>,
        /// Documents that `portcullis api freeze` wrote: operations that nobody declares, held against what was learned of
        /// them as each says (`x-portcullis-checks`: monitor or block). They declare nothing: a shadow stays one.
        frozen: Vec<FileRef> = "[]",
        /// What an encoded slash (`%2F`) in a path means.
        encoded_slash: EncodedSlash = "keep",
        /// What its servers are told of who calls, signed.
        tell_caller: Option<TellCaller>,
        /// What refused people see.
        refusals: Refusals = "{}",
        /// What `challenge` asks of browsers.
        challenge: Challenge = "{}",
        /// Paths whose policy differs; the first that matches holds.
        routes: Vec<Route> = "[]",
        ..settings: Settings,
        + {
            /// Its name.
            name: SmolStr = SmolStr::default(),
        }
    }
    => settle_site
}

/// The sites, by name.
pub type Sites = ByName<Site>;

impl TakesName for Site {
    const WHAT: &'static str = "site";

    fn named(self, name: SmolStr) -> Self {
        Self { name, ..self }
    }
}

/// Routes are read again on top of the site's settings, which were not known when they were read first.
fn settle_site(mut site: Site, node: &Node, reading: &mut Reading) -> Option<Site> {
    if nothing_written(node, "hosts") {
        let problem = Problem::error("policy.no_host", "the site answers for no host").at(&node.place);
        return reading.refuse(problem.remedy("e.g. `hosts: [shop.example]`, or `hosts: \"*\"` for any"));
    }
    if nothing_written(node, "upstream") && nothing_written(node, "upstreams") {
        let problem = Problem::error("policy.missing_key", "`upstream` is missing").at(&node.place);
        let problem = problem.label("`upstream` must be given here");
        return reading.refuse(problem.remedy(
            "`upstream`: the servers behind the site, e.g. `upstream: { servers: [http://127.0.0.1:9000] }`",
        ));
    }
    upstream::check_prefixes(site.upstream.as_ref(), &site.upstreams, reading);
    let broken = site.contract.is_none() && node.get("contract").is_some_and(|contract| !contract.is_null());
    let held_against = HeldAgainst { contract: site.contract.as_ref(), frozen: &site.frozen };
    if !broken {
        site.settings.check_contract(held_against, reading);
    }
    let routes = node.get("routes").map(|routes| routes.items().unwrap_or(std::slice::from_ref(routes)));
    for route in &mut site.routes {
        let written = routes.unwrap_or_default().iter().find(|written| written.place == route.place);
        let mut again = reading.again();
        route.settings = Settings::decode_keys(written?, Some(&site.settings), &mut again)?;
        if !broken {
            route.settings.check_contract(held_against, reading);
        }
    }
    Some(site)
}

section! {
    /// A method and path pattern inside a site whose policy differs from the site's. What a route does not set it
    /// inherits from its site; what it sets replaces the site's, also a whole list.
    pub struct Route as "route" {
        /// Its name in tags and events; without it, what it matches.
        name: Option<SmolStr>,
        /// The method, if one, and the path: `GET /health`, `/internal/**`. `*` is one segment, `**` at the end any
        /// number of them.
        pattern as "match": RoutePattern,
        ..settings: Settings,
    }
}

impl Site {
    /// Every upstream of the site: its own, then those by path.
    pub fn every_upstream(&self) -> impl Iterator<Item = &Upstream> {
        self.upstream.iter().chain(self.upstreams.iter().map(|one| &one.upstream))
    }

    /// The first route that is for a request, and which one it is.
    pub fn route<'a>(
        &self,
        method: &http::Method,
        segments: &(impl Iterator<Item = &'a str> + Clone),
    ) -> Option<(usize, &Route)> {
        self.routes.iter().enumerate().find(|(_, route)| route.pattern.matches(method, segments))
    }
}

impl Route {
    /// Its name, or what it matches.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.pattern.as_str())
    }
}

section! {
    /// What holds on a site or route.
    pub struct Settings as "site or route" {
        /// Which identity providers count here; without it, all of them.
        identity: Option<Vec<ProviderName>>,
        /// Who may call.
        require: Require = "none",
        /// What must hold besides, or the exchange is refused: a condition over its head.
        allow: Option<Condition>,
        /// Whether decisions are carried out.
        mode: Mode = "block",
        /// Calls the contract does not declare (shadow operations). Without a contract nothing is unknown.
        unknown_apis: Stance = "monitor",
        /// Whether what is sent is held against what the contract declares of it.
        contract_checks: ContractChecks = "{}",
        /// Calls that need a caller, where none is proved.
        unknown_callers: UnknownCallers = "block",
        /// The content filter; `off` for none.
        filter: Option<Filter> = "{}",
        /// Holding the request body, where a verdict needs it.
        body: BodyPolicy = "{}",
        /// Holding the response body, where a rule reads or masks it.
        response_body: BodyPolicy = "{}",
        /// Names whose values never reach an event, besides those that never do.
        redact: Redact = "{}",
        /// How much a caller may do.
        limits: Arc<[Limit]> = "[]",
        /// Rules, after those for every site.
        rules: Arc<[Rule]> = "[]",
    }
}

/// The documents of a site that exchanges can be held against.
#[derive(Clone, Copy)]
struct HeldAgainst<'a> {
    contract: Option<&'a ContractRef>,
    frozen: &'a [FileRef],
}

impl Settings {
    fn check_contract(&self, documents: HeldAgainst<'_>, reading: &mut Reading) {
        let (contract, checks) = (documents.contract, &self.contract_checks);
        let place = &checks.place;
        let known = reading.problems.iter().any(|problem| problem.place.as_ref() == Some(place));
        // Requests of frozen operations are always looked at; their answers where this says so.
        let of_contract =
            if documents.frozen.is_empty() { checks.looks() } else { checks.looks_at_requests() };
        if contract.is_none() && of_contract && !known {
            let message = "there is no contract that anything could be held against";
            let problem = Problem::error("policy.check_without_contract", message).at(place);
            reading.problems.push(problem.remedy("add `contract: { files: [FILE] }`"));
        }
        self.check_required_contract(contract, reading);
    }

    fn check_required_contract(&self, contract: Option<&ContractRef>, reading: &mut Reading) {
        let Require::Contract(place) = &self.require else { return };
        let remedy = match contract {
            None => "add `contract: { files: [FILE] }`",
            Some(contract) if contract.schemes.is_empty() => {
                "say which identity provider stands for each security scheme: `contract: { schemes: { SCHEME: PROVIDER } }`"
            }
            Some(_) => return,
        };
        let message =
            "`require: contract` needs a contract whose security schemes are tied to identity providers";
        let known = reading.problems.iter().any(|problem| problem.place.as_ref() == Some(place));
        if !known {
            reading
                .problems
                .push(Problem::error("policy.require_contract", message).at(place).remedy(remedy));
        }
    }

    /// The names of the providers that count here, given all there are.
    pub fn counts(&self, provider: &str) -> bool {
        self.identity.as_ref().is_none_or(|names| names.iter().any(|name| name.0 == provider))
    }
}

/// The name of an identity provider of this policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderName(pub SmolStr);

impl Decode for ProviderName {
    const KIND: Kind = <SmolStr as Decode>::KIND;

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "the name of an identity provider")?;
        if reading.providers.contains(&text) {
            return Some(Self(text));
        }
        let names = reading.providers.iter().map(SmolStr::as_str);
        let remedy = suggest(&text, names, "identity provider");
        let problem =
            Problem::error("policy.unknown_provider", format!("there is no identity provider `{text}`"));
        reading.refuse(problem.at(&node.place).remedy(remedy))
    }
}

section! {
    /// Whether exchanges are held against what the contract declares of them.
    pub struct ContractChecks as "contract checks" {
        /// Parameters and bodies of requests: that they are there, their media types, their schemas.
        request: CheckStance = "off",
        /// Query parameters and fields of requests that nothing declares.
        undeclared: Undeclared = "pass",
        /// Responses: their status, header fields, media type and body.
        response: ResponseCheck = "off",
    }
}

impl ContractChecks {
    /// Whether anything is held against the contract.
    pub fn looks(&self) -> bool {
        self.looks_at_requests() || self.response != ResponseCheck::Off
    }

    fn looks_at_requests(&self) -> bool {
        self.request != CheckStance::Off
    }
}

words! {
    /// What becomes of query parameters and fields that the contract does not declare.
    pub enum Undeclared {
        /// They pass, unless a schema rules them out.
        Pass = "pass",
        /// They are as wrong as a field of the wrong type.
        Fault = "fault",
    }
}

words! {
    /// What happens to a response that is not what the contract says.
    pub enum ResponseCheck {
        /// It is not looked at.
        Off = "off",
        /// It is marked as worth a look: the tag `response:invalid`, and what is wrong in the event.
        Monitor = "monitor",
        /// It is withheld: the client gets 502.
        Block = "block",
        /// Fields that are not declared are cut out of it; what else is wrong is marked.
        Strip = "strip",
    }
}

words! {
    /// What happens to an exchange that is not what the contract says.
    pub enum CheckStance {
        /// It is not looked at.
        Off = "off",
        /// It is marked as worth a look: the tag `contract:invalid`, and what is wrong in the event.
        Monitor = "monitor",
        /// It is refused, a request with 400.
        Block = "block",
    }
}

words! {
    /// Whether decisions are carried out.
    pub enum Mode {
        /// They are.
        Block = "block",
        /// Everything is decided and recorded, nothing is refused; framing and budgets still are.
        Monitor = "monitor",
    }
}

words! {
    /// What happens to something unknown.
    pub enum Stance {
        /// Nothing.
        Pass = "pass",
        /// It is marked as worth a look.
        Monitor = "monitor",
        /// It is refused.
        Block = "block",
    }
}

words! {
    /// What happens to a call that needs a caller, where none is proved.
    pub enum UnknownCallers {
        /// Nothing.
        Pass = "pass",
        /// It is marked as worth a look.
        Monitor = "monitor",
        /// A browser has to prove itself first, with a small computation; programs are refused.
        Challenge = "challenge",
        /// It is refused.
        Block = "block",
    }
}

words! {
    /// What an encoded slash in a path means.
    pub enum EncodedSlash {
        /// It stays as it is, inside its segment.
        Keep = "keep",
        /// The request is refused.
        Refuse = "refuse",
        /// It is a slash.
        Decode = "decode",
    }
}

section! {
    /// Holding a body until the verdict on it.
    pub struct BodyPolicy as "body" {
        /// How much of it is held.
        hold: ByteSize = "1MiB",
        /// How long holding may take.
        deadline: Duration = "30s",
        /// How deep its values may be nested, 256 at most.
        depth: NonZero<u16> = "64",
        /// How many values it may have, leaves and containers together.
        fields: NonZero<u32> = "20000",
        /// How long one value or name may be.
        field_size: ByteSize = "1MiB",
        /// How many times larger a coded body (gzip, deflate, br, zstd) may become than it was sent.
        ratio: NonZero<u32> = "100",
        /// How many times larger than `hold` it may become in all.
        growth: NonZero<u16> = "8",
        /// What happens where that is not enough, or where the body cannot be read.
        over_limit: OverLimit = "refuse",
    }
}

words! {
    /// What happens to a body that cannot be held and read as a whole: it is too long or too late, its content coding
    /// cannot be undone, or it is nested or filled beyond what is parsed.
    pub enum OverLimit {
        /// It is refused: a request with 413, 408 or 415, a response with 502.
        Refuse = "refuse",
        /// What can be read is judged, the rest goes on unseen, and the event says so.
        InspectPart = "inspect_part",
    }
}

section! {
    /// Names whose values never reach an event. `Authorization`, cookies, API keys and whatever looks like a token
    /// never do.
    pub struct Redact as "redact" {
        /// Header fields.
        headers: Vec<HeaderName> = "[]",
        /// Query parameters.
        query: Vec<SmolStr> = "[]",
        /// Cookies whose names are hidden too.
        cookies: Vec<SmolStr> = "[]",
    }
}

section! {
    /// What refused people see; programs always get `application/problem+json` (RFC 9457).
    pub struct Refusals as "refusals" {
        /// An HTML page; `{status}`, `{title}` and `{id}` are filled in.
        html: Option<FileRef>,
    }
}

section! {
    /// The OpenAPI documents that say which calls exist.
    pub struct ContractRef as "contract" {
        /// The documents, YAML or JSON: files, folders (every document in them), URLs. Files and folders are watched and
        /// reloaded, URLs are asked again every `refresh`, all with what they refer to.
        files: Vec<DocumentRef>,
        /// Documents of versions before this one: what they declare and `files` do not is a zombie where it is called.
        former: Vec<DocumentRef> = "[]",
        /// How often documents are asked for that come by URL.
        refresh: Duration = "10m",
        /// Who signs the certificate of the server that has them, in PEM, in the place of the web's authorities.
        ca: Option<FileRef>,
        /// Where the last good copies of such documents are kept.
        copies: FolderRef = "data/contracts",
        /// Which identity provider stands for each security scheme of theirs.
        schemes: Schemes = "{}",
    }
    => settle_contract
}

fn settle_contract(contract: ContractRef, node: &Node, reading: &mut Reading) -> Option<ContractRef> {
    if nothing_written(node, "files") {
        let problem = Problem::error("policy.empty_contract", "the contract has no file").at(&node.place);
        return reading.refuse(problem.remedy("e.g. `files: [openapi.yaml]`"));
    }
    Some(contract)
}

/// Which identity provider stands for each security scheme of a contract.
#[derive(Clone, Debug)]
pub struct Schemes(pub Vec<(SmolStr, ProviderName)>);

impl std::ops::Deref for Schemes {
    type Target = [(SmolStr, ProviderName)];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Decode for Schemes {
    const KIND: Kind =
        Kind::Named(&crate::table::Named { what: "security scheme", kind: <ProviderName as Decode>::KIND });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let Some(entries) = node.entries() else {
            if node.is_null() {
                return Some(Self(Vec::new()));
            }
            return reading.wrong_kind(node, "a map from security schemes to identity providers", "");
        };
        let decoded: Vec<Option<_>> = entries
            .iter()
            .map(|entry| {
                let provider = ProviderName::decode(&entry.value, None, reading)?;
                Some((SmolStr::from(entry.key.text.as_str()), provider))
            })
            .collect();
        decoded.into_iter().collect::<Option<_>>().map(Self)
    }
}
