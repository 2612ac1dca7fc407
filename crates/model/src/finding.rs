//! Findings: what was concluded over many exchanges, in words a person can act on.
//!
//! Invariants: the id follows from kind, site, operation and subject alone, so the same conclusion drawn again (after a
//! restart, on another node) is the same finding, counted; evidence is redacted before it gets here, and bounded.
//! Deliberately absent: drawing conclusions, keeping them, telling anybody.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

use crate::data_class::DataClass;
use crate::event::OperationRecord;
use crate::id::{EventId, OperationId};
use crate::time::Timestamp;

/// Pieces of evidence kept with a finding: the first ones, and the latest.
pub const MOST_EVIDENCE: usize = 8;

/// How many of these are the first ones.
const FIRST_EVIDENCE: usize = 4;

/// What was concluded, how often it was met, and what a person said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Finding {
    /// Stable: made from kind, site, operation and subject.
    pub id: FindingId,
    /// What kind of thing it is.
    pub kind: FindingKind,
    /// How much it matters.
    pub severity: Severity,
    /// The site it is about.
    pub site: SmolStr,
    /// The operation it is about, if one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationRecord>,
    /// What of the operation: a field's place, a parameter, a data class; empty if the operation as a whole.
    #[serde(default, skip_serializing_if = "SmolStr::is_empty")]
    pub subject: SmolStr,
    /// The classes of sensitive data it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<DataClass>,
    /// One plain sentence without a full stop, e.g. `GET /debug/users answers, and no contract declares it`.
    pub title: String,
    /// Why that matters and what to do about it.
    pub why: String,
    /// What it was concluded from, oldest first, redacted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// When it was met first.
    pub first: Timestamp,
    /// When it was met last.
    pub last: Timestamp,
    /// In how many exchanges it was met.
    pub count: u64,
    /// What a person said of it.
    #[serde(default)]
    pub state: FindingState,
}

/// One thing a finding was concluded from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Evidence {
    /// What is shown: `answer`, `field`, `contract`, `before`, `now`, …
    pub name: SmolStr,
    /// Redacted text.
    pub text: String,
    /// The exchange it was seen in, if its event may have been kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
}

/// What is told of something concluded, before it is a [`Finding`].
#[derive(Clone, Debug)]
pub struct Conclusion {
    /// What kind of thing it is.
    pub kind: FindingKind,
    /// How much it matters.
    pub severity: Severity,
    /// The site.
    pub site: SmolStr,
    /// The operation, if one.
    pub operation: Option<OperationRecord>,
    /// What of the operation; empty if all of it.
    pub subject: SmolStr,
    /// The classes of sensitive data it is about.
    pub data: Vec<DataClass>,
    /// One plain sentence without a full stop.
    pub title: String,
    /// Why it matters and what to do.
    pub why: String,
    /// What it was concluded from, redacted.
    pub evidence: Vec<Evidence>,
}

impl Finding {
    /// Something concluded from `count` exchanges, the last at `time`. A count of 0 says that what is known holds
    /// still, without another exchange that shows it.
    pub fn new(concluded: Conclusion, time: Timestamp, count: u64) -> Self {
        let Conclusion { kind, severity, site, operation, subject, data, title, why, evidence } = concluded;
        let about = operation.as_ref().map_or("", |operation| operation.id.as_str());
        let id = FindingId::of(kind, &site, about, &subject);
        let mut finding = Self {
            id,
            kind,
            severity,
            site,
            operation,
            subject,
            data,
            title,
            why,
            evidence,
            first: time,
            last: time,
            count,
            state: FindingState::Open,
        };
        finding.bound_evidence();
        finding
    }

    /// Takes in the same finding met again: counts add up, the newer words and severity hold, and what a person said
    /// stays, unless the thing has become worse than it was when they said so. Answers what is worth telling of that.
    pub fn meet_again(&mut self, again: Self) -> Option<News> {
        self.first = self.first.min(again.first);
        self.count = self.count.saturating_add(again.count);
        let worse = again.severity > self.severity;
        let mut news = worse.then_some(News::Worse);
        match self.state {
            FindingState::Acknowledged { .. } if worse => self.state = FindingState::Open,
            FindingState::Muted { until: Some(until), .. } if until <= again.last => {
                self.state = FindingState::Open;
                news = news.or(Some(News::Again));
            }
            FindingState::Muted { .. } => news = None,
            _ => {}
        }
        for piece in again.evidence {
            if !self.evidence.iter().any(|known| known.name == piece.name && known.text == piece.text) {
                self.evidence.push(piece);
            }
        }
        self.bound_evidence();
        if again.last >= self.last {
            self.last = again.last;
            self.severity = again.severity;
            self.operation = again.operation;
            self.data = again.data;
            self.title = again.title;
            self.why = again.why;
        }
        news
    }

    /// The same finding of an operation that has another id now.
    #[must_use]
    pub fn of_operation(mut self, id: OperationId) -> Self {
        self.id = FindingId::of(self.kind, &self.site, id.as_str(), &self.subject);
        if let Some(operation) = &mut self.operation {
            operation.id = id;
        }
        self
    }

    /// Two findings that turn out to be one: as if met again, but open if either is.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        let open = [&self.state, &other.state].contains(&&FindingState::Open);
        self.meet_again(other);
        if open {
            self.state = FindingState::Open;
        }
        self
    }

    /// How it stands at a time: a muting that has run out is over.
    pub fn standing(&self, now: Timestamp) -> Attention {
        match &self.state {
            FindingState::Open => Attention::Open,
            FindingState::Acknowledged { .. } => Attention::Acknowledged,
            FindingState::Muted { until: Some(until), .. } if *until <= now => Attention::Open,
            FindingState::Muted { .. } => Attention::Muted,
        }
    }

    /// Keeps the first pieces and the latest.
    fn bound_evidence(&mut self) {
        let over = self.evidence.len().saturating_sub(MOST_EVIDENCE);
        if over > 0 {
            self.evidence.drain(FIRST_EVIDENCE..FIRST_EVIDENCE + over);
        }
    }
}

/// The stable id of a finding: 16 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct FindingId(SmolStr);

impl FindingId {
    /// The id of a finding of this kind about this subject; `operation` is the operation's id or empty.
    pub fn of(kind: FindingKind, site: &str, operation: &str, subject: &str) -> Self {
        let mut hash = blake3::Hasher::new();
        for part in [kind.as_str(), site, operation, subject] {
            // With its length, so that no two lists of parts run together to the same bytes.
            hash.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        let hex = hash.finalize().to_hex();
        Self(SmolStr::new(hex.as_str().get(..16).unwrap_or_default()))
    }

    /// From its text form, e.g. typed by a person.
    pub fn new(text: impl Into<SmolStr>) -> Self {
        Self(text.into())
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes an enum of words with its names in both directions.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, schemars::JsonSchema)]
        #[schemars(rename_all = "snake_case")]
        pub enum $name { $($(#[$word_doc])* $word,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$word,)+];

            /// The word used in files, JSON and conditions.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text,)+ }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                let found = Self::ALL.iter().find(|word| word.as_str() == text).copied();
                found.ok_or_else(|| UnknownWord(text.chars().take(40).collect()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// The text is none of the words that can stand there.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not known here")]
pub struct UnknownWord(String);

words! {
    /// What kind of thing a finding is.
    FindingKind {
        /// An operation answers that no contract declares.
        ShadowOperation = "shadow_operation",
        /// An operation that is deprecated, retired or of an older version is called.
        ZombieCalled = "zombie_called",
        /// A declared operation that had never been called was.
        DormantCalled = "dormant_called",
        /// A field carries sensitive data.
        SensitiveField = "sensitive_field",
        /// An operation that always was called with a proved identity answers without one.
        AuthDropped = "auth_dropped",
        /// What is called or answered differs from the contract.
        ContractDrift = "contract_drift",
        /// More different paths were asked for than learning keeps.
        PathFlood = "path_flood",
        /// One caller tries many accounts, keys or tokens.
        CredentialStuffing = "credential_stuffing",
        /// One caller tries a few passwords on many accounts.
        PasswordSpraying = "password_spraying",
        /// Many callers, or many passwords, are tried on one account.
        AccountGuessing = "account_guessing",
    }
}

words! {
    /// How much a finding matters, from least to most.
    Severity {
        /// Good to know.
        Info = "info",
        /// To be looked at some day.
        Low = "low",
        /// To be looked at this week.
        Medium = "medium",
        /// To be looked at today.
        High = "high",
        /// To be looked at now.
        Critical = "critical",
    }
}

words! {
    /// Why a finding is told to people.
    News {
        /// It was not known before.
        New = "new",
        /// It matters more than it did.
        Worse = "worse",
        /// It was met after its muting had ended.
        Again = "again",
    }
}

words! {
    /// Whether a finding wants looking at.
    Attention {
        /// Nobody has said anything of it, or what was said is over.
        Open = "open",
        /// Somebody knows of it.
        Acknowledged = "acknowledged",
        /// Nobody wants to hear of it for now.
        Muted = "muted",
    }
}

/// What a person said of a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum FindingState {
    /// Nothing yet.
    #[default]
    Open,
    /// They know. It is open again when it becomes worse.
    Acknowledged {
        /// When they said so.
        at: Timestamp,
        /// Who, by their own word.
        by: SmolStr,
    },
    /// They don't want to hear of it.
    Muted {
        /// When they said so.
        at: Timestamp,
        /// Who, by their own word.
        by: SmolStr,
        /// Until when; for good if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn found(severity: Severity, shown: &str, time: i64) -> Finding {
        let concluded = Conclusion {
            kind: FindingKind::SensitiveField,
            severity,
            site: "shop".into(),
            operation: None,
            subject: "response body.email".into(),
            data: vec![DataClass::Email],
            title: "a title".into(),
            why: "a reason".into(),
            evidence: vec![Evidence { name: "field".into(), text: shown.into(), event: None }],
        };
        Finding::new(concluded, at(time), 1)
    }

    #[test]
    fn the_id_tells_kind_site_operation_and_subject_apart_and_nothing_else() {
        let of = |site, operation, subject| FindingId::of(FindingKind::AuthDropped, site, operation, subject);
        assert_eq!(found(Severity::Low, "a", 1).id, found(Severity::High, "b", 2).id);
        assert_ne!(of("ab", "c", ""), of("a", "bc", ""));
        assert_ne!(of("a", "", "b"), of("a", "b", ""));
        assert_eq!(of("a", "b", "c").as_str().len(), 16);
    }

    #[test]
    fn met_again_it_counts_and_speaks_with_the_newest_words() {
        let mut finding = found(Severity::Low, "one", 10);
        for time in 11..40 {
            finding.meet_again(found(Severity::Low, &time.to_string(), time));
        }
        finding.meet_again(found(Severity::Low, "39", 5));
        assert_eq!((finding.count, finding.first, finding.last), (31, at(5), at(39)));
        let shown: Vec<&str> = finding.evidence.iter().map(|piece| &*piece.text).collect();
        assert_eq!(shown, ["one", "11", "12", "13", "36", "37", "38", "39"]);
    }

    #[test]
    fn what_was_acknowledged_is_open_again_once_it_is_worse() {
        let acknowledged = FindingState::Acknowledged { at: at(2), by: "ann".into() };
        for (severity, expected) in
            [(Severity::Medium, Attention::Acknowledged), (Severity::High, Attention::Open)]
        {
            let mut finding = found(Severity::Medium, "one", 1);
            finding.state = acknowledged.clone();
            finding.meet_again(found(severity, "two", 3));
            assert_eq!(finding.standing(at(3)), expected);
        }
    }

    #[test]
    fn muting_ends_when_its_time_is_up() {
        let mut finding = found(Severity::Medium, "one", 1);
        finding.state = FindingState::Muted { at: at(1), by: "ann".into(), until: Some(at(10)) };
        assert_eq!(finding.standing(at(9)), Attention::Muted);
        assert_eq!(finding.standing(at(10)), Attention::Open);
    }
}
