//! Actions: what a rule does when it matches, typed and with `SecDefaultAction` already merged in.
//!
//! Nothing here decides when an action runs. `block` is already resolved to the default action of the rule's phase.

use std::ops::RangeInclusive;

use smol_str::SmolStr;

use super::configuration::EngineMode;
use super::target::{KeyPattern, Target};
use super::text::Macro;

/// What a rule does and says as a whole, once all of its chain has matched.
#[derive(Clone, Debug, PartialEq)]
pub struct Actions {
    /// What becomes of the transaction.
    pub disruptive: Disruptive,
    /// The status for `deny` and `redirect`, if one is given; else 403 and 302.
    pub status: Option<u16>,
    /// Whether the match is told.
    pub log: Log,
    /// What is said.
    pub message: Option<Macro>,
    /// What was found, for people.
    pub log_data: Option<Macro>,
    /// How bad it is.
    pub severity: Option<Severity>,
    /// Tags, in order.
    pub tags: Vec<SmolStr>,
    /// `ver`.
    pub version: Option<SmolStr>,
    /// `rev`.
    pub revision: Option<SmolStr>,
    /// `accuracy`, 1 to 9.
    pub accuracy: Option<u8>,
    /// `maturity`, 1 to 9.
    pub maturity: Option<u8>,
    /// Which rule is next.
    pub flow: Flow,
}

/// What becomes of the transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disruptive {
    /// Rules go on.
    Pass,
    /// No more rules, the request goes on.
    Allow(AllowScope),
    /// Refused.
    Deny,
    /// The connection is closed.
    Drop,
    /// Sent elsewhere.
    Redirect(Macro),
}

/// What `allow` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowScope {
    /// Every phase but logging.
    Transaction,
    /// This phase.
    Phase,
    /// The request phases.
    Request,
}

/// Whether a match is told: `log`, `nolog`, `auditlog`, `noauditlog`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// It becomes a reason and counts as logged.
    pub error: bool,
    /// It would be in an audit log; here, its evidence is kept.
    pub audit: bool,
}

/// Severities of syslog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Severity {
    /// 0.
    Emergency,
    /// 1.
    Alert,
    /// 2.
    Critical,
    /// 3.
    Error,
    /// 4.
    Warning,
    /// 5.
    Notice,
    /// 6.
    Info,
    /// 7.
    Debug,
}

impl Severity {
    /// All of them; the index is the number.
    pub const ALL: [Self; 8] = [
        Self::Emergency,
        Self::Alert,
        Self::Critical,
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Info,
        Self::Debug,
    ];

    /// `CRITICAL` and so on.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Emergency => "EMERGENCY",
            Self::Alert => "ALERT",
            Self::Critical => "CRITICAL",
            Self::Error => "ERROR",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
        }
    }

    /// The severity of that name or number.
    pub fn parse(text: &str) -> Option<Self> {
        let by_number = text.parse::<usize>().ok().and_then(|number| Self::ALL.get(number).copied());
        by_number.or_else(|| Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(text)))
    }
}

/// Which rule follows after a match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The next.
    Next,
    /// The one after that many more of this phase.
    Skip(u32),
    /// `skipAfter`: the rule at this index of the phase; its length where nothing follows.
    Goto(usize),
}

/// What one link of a chain does when it matches, in the order written.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// `setvar`.
    SetVar(SetVar),
    /// `expirevar`: removes it after those seconds.
    ExpireVar {
        /// Where.
        collection: Collection,
        /// Which.
        key: Macro,
        /// When, in seconds from now.
        seconds: Macro,
    },
    /// `initcol`: loads a persistent collection under a key.
    InitCollection(Collection, Macro),
    /// `setsid`: names the session and loads it.
    SetSession(Macro),
    /// `setuid`: names the user and loads its collection.
    SetUser(Macro),
    /// `setrsc`: names the resource and loads its collection.
    SetResource(Macro),
    /// `setenv`: sets or, without a value, removes an entry of `ENV`.
    SetEnv(Macro, Option<Macro>),
    /// `ctl`.
    Control(Control),
}

/// A change of one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetVar {
    /// Where.
    pub collection: Collection,
    /// Which; compared without regard to case.
    pub key: Macro,
    /// How.
    pub change: Change,
}

/// How a variable changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// To this value.
    Set(Macro),
    /// By adding this number.
    Add(Macro),
    /// By subtracting this number.
    Subtract(Macro),
    /// It is removed.
    Remove,
}

/// Collections that rules write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collection {
    /// The transaction's own.
    Tx,
    /// One for all.
    Global,
    /// By client address, as CRS uses it.
    Ip,
    /// By resource.
    Resource,
    /// By session.
    Session,
    /// By user.
    User,
}

impl Collection {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Tx, Self::Global, Self::Ip, Self::Resource, Self::Session, Self::User];

    /// `tx` and so on.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tx => "tx",
            Self::Global => "global",
            Self::Ip => "ip",
            Self::Resource => "resource",
            Self::Session => "session",
            Self::User => "user",
        }
    }

    /// The collection of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name))
    }
}

/// `ctl`: changes how the rest of this transaction is judged.
#[derive(Clone, Debug, PartialEq)]
pub enum Control {
    /// `ruleEngine`.
    Engine(EngineMode),
    /// `requestBodyAccess`.
    RequestBodyAccess(Switch),
    /// `responseBodyAccess`.
    ResponseBodyAccess(Switch),
    /// `forceRequestBodyVariable`: `REQUEST_BODY` is there though no processor asked for it.
    ForceRequestBodyVariable(Switch),
    /// `requestBodyProcessor`.
    BodyProcessor(BodyProcessor),
    /// `requestBodyLimit`, in bytes.
    RequestBodyLimit(u64),
    /// `responseBodyLimit`, in bytes.
    ResponseBodyLimit(u64),
    /// `ruleRemoveById`, `ByTag`, `ByMsg`.
    RemoveRules(RuleSelector),
    /// `ruleRemoveTargetById`, `ByTag`, `ByMsg`.
    RemoveTarget(RuleSelector, Target),
    /// `parseXmlIntoArgs`.
    XmlIntoArgs(super::configuration::XmlArguments),
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// How a request body becomes arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyProcessor {
    /// `application/x-www-form-urlencoded`.
    UrlEncoded,
    /// `multipart/form-data`.
    Multipart,
    /// JSON.
    Json,
    /// XML.
    Xml,
}

impl BodyProcessor {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::UrlEncoded, Self::Multipart, Self::Json, Self::Xml];

    /// The name `REQBODY_PROCESSOR` shows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UrlEncoded => "URLENCODED",
            Self::Multipart => "MULTIPART",
            Self::Json => "JSON",
            Self::Xml => "XML",
        }
    }

    /// The processor of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name))
    }
}

/// Which rules a removal or an update concerns.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleSelector {
    /// By number; a single one is a range of one.
    Ids(Vec<RangeInclusive<u32>>),
    /// By one of their tags.
    Tag(TextMatch),
    /// By their message as written.
    Message(TextMatch),
}

/// Text that names others: exactly, or as a pattern.
#[derive(Clone, Debug, PartialEq)]
pub enum TextMatch {
    /// The same text.
    Exact(SmolStr),
    /// Text the pattern matches somewhere.
    Pattern(KeyPattern),
}

impl TextMatch {
    /// Whether it means this text.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(wanted) => wanted == text,
            Self::Pattern(pattern) => pattern.matches(text.as_bytes()),
        }
    }
}
