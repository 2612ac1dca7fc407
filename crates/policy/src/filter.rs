//! The content filter of a site or route: how strict it is, where its rules come from, and what a match leads to.
//!
//! Invariants: a name of a rule set is one the policy gives; an exclusion excludes something in particular. What is in
//! the files named here is the engine's to read.

use std::num::NonZero;
use std::sync::Arc;

use portcullis_document::{Node, Problem};
use smol_str::SmolStr;

use crate::decode::{ByName, Decode, Reading, TakesName, nothing_written, section, suggest, words};
use crate::scalar::{
    ByteSize, FileRef, FilterLevel, FolderRef, MediaRange, PlacePattern, RuleSelector, Share,
};
use crate::table::{Kind, Word};

section! {
    /// The content filter: what is wrong with the bytes of requests and answers. Every match adds to the exchange's
    /// score; the threshold decides. In `mode: monitor` everything is recorded and nothing is refused.
    pub struct Filter as "filter" {
        /// How strict, 1 to 4: 1 hits practically no honest request, 2 suits most APIs, 3 and 4 want exclusions. For
        /// OWASP CRS it is the paranoia level, unless its `crs-setup.conf` says another.
        level: FilterLevel = "1",
        /// Where its rules come from: `builtin`, `crs`, a name under `rule_sets`, or files. SecLang sources are read
        /// as one, in this order.
        rules: Vec<RuleSource> = "[builtin]",
        /// The folder of OWASP CRS that `crs` means; without it, where Debian's `modsecurity-crs` puts it.
        crs: Option<FolderRef>,
        /// The score at which `action` is taken. A rule of CRS that blocks by itself does not wait for it.
        threshold: NonZero<u32> = "5",
        /// What happens at the threshold.
        action: FilterAction = "block",
        /// What happens to one class of attack, where it is not `action`.
        classes: ClassActions = "{}",
        /// What is not looked for, and where.
        exclude: Arc<[Exclusion]> = "[]",
        /// Rules tried beside these: what they would have decided otherwise is recorded, and never counts.
        candidate: Vec<RuleSource> = "[]",
        /// The share of exchanges the candidate sees.
        sample: Share = "100%",
        /// How much of a body the filter reads, of what `body` holds.
        body_limit: ByteSize = "1MiB",
        /// What happens to a request body longer than `body` holds, where no rule or limit reads `body` itself; one that reads `tag("filter:…")` does not.
        over_limit: FilterOverLimit = "refuse_fields",
        /// Media types of answers whose bodies are read: `text/html`, `text/*`. A rule file's `SecResponseBodyAccess`
        /// adds those it names.
        responses: Vec<MediaRange> = "[]",
        /// Steps of work an exchange may cost, about one a byte looked at by one rule.
        steps: NonZero<u64> = "400000000",
        /// What happens to an exchange whose steps are used up, or for which the filter failed.
        on_budget: FilterAction = "block",
    }
}

words! {
    /// What happens at the threshold.
    pub enum FilterAction {
        /// The exchange is refused with 403.
        Block = "block",
        /// It is marked as worth a look.
        Monitor = "monitor",
    }
}

words! {
    /// What happens to a body that is longer than what is held.
    pub enum FilterOverLimit {
        /// JSON, forms and XML are refused with 413; of uploads and anything else the part that was held is judged.
        RefuseFields = "refuse_fields",
        /// It is refused with 413.
        Refuse = "refuse",
        /// The part that was held is judged, the rest goes on unseen, and the event says so.
        InspectPart = "inspect_part",
    }
}

words! {
    /// What happens to one class of attack.
    pub enum ClassAction {
        /// It counts towards the threshold.
        Block = "block",
        /// It is recorded and does not count.
        Monitor = "monitor",
        /// It is not looked for.
        Off = "off",
    }
}

/// Every class of attack, by its word in tags, reasons and policies.
pub const FILTER_CLASSES: [&str; 20] = [
    "sqli",
    "nosql",
    "ldap",
    "xpath",
    "xss",
    "command",
    "code",
    "deserialisation",
    "template",
    "traversal",
    "ssrf",
    "xxe",
    "jndi",
    "header",
    "graphql",
    "pollution",
    "upload",
    "scanner",
    "protocol",
    "disclosure",
];

/// What happens to classes of attack, where it is not the filter's action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassActions(pub Vec<(SmolStr, ClassAction)>);

impl ClassActions {
    /// What happens to a class.
    pub fn of(&self, class: &str) -> ClassAction {
        self.0.iter().find(|(known, _)| known == class).map_or(ClassAction::Block, |(_, action)| *action)
    }
}

impl Decode for ClassActions {
    const KIND: Kind =
        Kind::Named(&crate::table::Named { what: "class of attack", kind: <ClassAction as Decode>::KIND });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let Some(entries) = node.entries() else {
            if node.is_null() {
                return Some(Self::default());
            }
            return reading.wrong_kind(
                node,
                "a map from classes of attack to what happens to them",
                "e.g. `classes: { scanner: monitor }`",
            );
        };
        let decoded = entries.iter().filter_map(|entry| {
            let class = entry.key.text.as_str();
            if !FILTER_CLASSES.contains(&class) {
                let message = format!("there is no class of attack `{}`", class.escape_debug());
                let problem = Problem::error("policy.unknown_class", message).at(&entry.key.place);
                return reading.refuse(problem.remedy(suggest(class, FILTER_CLASSES, "class")));
            }
            Some((SmolStr::new(class), ClassAction::decode(&entry.value, None, reading)?))
        });
        Some(Self(decoded.collect()))
    }
}

section! {
    /// Something the filter does not look for. A rule alone is excluded everywhere, a place alone for every rule.
    pub struct Exclusion as "exclusion" {
        /// Which rule: its id (`942100`, `sqli-tautology`), a range of ids (`942100-942199`), a class (`sqli`) or a
        /// tag of rules (`attack-sqli`).
        rule: Option<RuleSelector>,
        /// Where, as reasons name places: `query.q`, `body.items[*].note`, `headers.user-agent`; `*` stands for
        /// anything.
        location as "where": Option<PlacePattern>,
    }
    => settle_exclusion
}

fn settle_exclusion(exclusion: Exclusion, node: &Node, reading: &mut Reading) -> Option<Exclusion> {
    if ["rule", "where"].iter().all(|key| nothing_written(node, key)) {
        let problem =
            Problem::error("policy.empty_exclusion", "the exclusion excludes nothing in particular");
        return reading.refuse(
            problem.at(&node.place).remedy(
                "e.g. `{ rule: 942100, where: query.q }`; to exclude everything, write `filter: off`",
            ),
        );
    }
    Some(exclusion)
}

/// Where rules come from.
#[derive(Clone, Debug)]
pub enum RuleSource {
    /// The rules that come with the gateway.
    Builtin,
    /// OWASP CRS, from the filter's own folder or the one where Debian puts it.
    Crs(portcullis_document::Place),
    /// A rule set of the policy.
    Named(SmolStr, portcullis_document::Place),
    /// Written right here.
    Files(RuleFiles),
}

section! {
    /// Rule files in ModSecurity's language (SecLang).
    pub struct RuleFiles as "rule files" {
        /// A folder of OWASP CRS: its `crs-setup.conf`, then `rules/*.conf`.
        crs: Option<FolderRef>,
        /// Files of rules, after those of `crs`; `Include` in them works.
        seclang: Vec<FileRef> = "[]",
        + {
            /// Its name, where it has one.
            name: SmolStr = SmolStr::default(),
        }
    }
    => settle_files
}

fn settle_files(files: RuleFiles, node: &Node, reading: &mut Reading) -> Option<RuleFiles> {
    if ["crs", "seclang"].iter().all(|key| nothing_written(node, key)) {
        let problem = Problem::error("policy.empty_rule_set", "the rule set has no file").at(&node.place);
        return reading
            .refuse(problem.remedy("e.g. `{ seclang: rules/own.conf }`, or `{ crs: /opt/coreruleset }`"));
    }
    Some(files)
}

/// The policy's own rule sets, by name.
pub type RuleSets = ByName<RuleFiles>;

impl TakesName for RuleFiles {
    const WHAT: &'static str = "rule set";

    fn named(self, name: SmolStr) -> Self {
        Self { name, ..self }
    }
}

/// Sources that need no files named.
const SOURCES: &[Word] = &[
    Word { word: "builtin", about: &["The rules that come with the gateway."] },
    Word { word: "crs", about: &["OWASP CRS, from the folder `crs` names or Debian's package."] },
];

impl Decode for RuleSource {
    const KIND: Kind =
        Kind::Either(&[Kind::Words(SOURCES), <SmolStr as Decode>::KIND, <RuleFiles as Decode>::KIND]);

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        if node.entries().is_some() {
            return RuleFiles::decode(node, None, reading).map(Self::Files);
        }
        let text = reading.text(node, "`builtin`, `crs`, the name of a rule set, or `{ seclang: FILE }`")?;
        let named = |sets: &[SmolStr]| sets.contains(&text);
        match text.as_str() {
            _ if named(&reading.rule_sets) => Some(Self::Named(text, node.place.clone())),
            "builtin" => Some(Self::Builtin),
            "crs" => Some(Self::Crs(node.place.clone())),
            _ => {
                let message = format!("there is no rule set `{}`", text.escape_debug());
                let known = reading.rule_sets.iter().map(SmolStr::as_str).chain(["builtin", "crs"]);
                let known: Vec<&str> = known.collect();
                let remedy = match portcullis_document::nearest(&text, known.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => {
                        format!("give it under `rule_sets`: `rule_sets: {{ {text}: {{ seclang: FILE }} }}`")
                    }
                };
                let problem = Problem::error("policy.unknown_rule_set", message).at(&node.place);
                reading.refuse(problem.remedy(remedy))
            }
        }
    }
}
