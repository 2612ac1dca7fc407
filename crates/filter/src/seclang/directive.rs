//! Directives: one table of all of them, and what each one line says.
//!
//! A line becomes a [`Statement`], a setting, or a problem. Nothing here knows other lines.

use portcullis_document::{Place, Problem, nearest};
use smol_str::SmolStr;

use super::action::RuleSelector;
use super::action_list;
use super::configuration::Configuration;
use super::control::{ids, text_match};
use super::draft::Draft;
use super::inventory::Treatment;
use super::line::{Span, Word};
use super::operator_call::Operators;
use super::rule::{Phase, Test};
use super::settings;
use super::target::Target;
use super::target_list;

/// What one line says about rules.
pub(super) enum Statement {
    /// `SecRule` and `SecAction`.
    Rule(WrittenRule),
    /// `SecMarker`.
    Marker(SmolStr),
    /// `SecDefaultAction`.
    Default(Phase, Draft),
    /// `SecRuleRemoveBy…`.
    Remove(RuleSelector, Place),
    /// `SecRuleUpdate…By…`.
    Update(Update),
}

/// One test and its actions, not yet part of a chain.
pub(super) struct WrittenRule {
    pub(super) test: Test,
    pub(super) draft: Draft,
    pub(super) place: Place,
}

/// A change of rules written elsewhere.
pub(super) struct Update {
    pub(super) rules: RuleSelector,
    /// Which link of the chain, from 0.
    pub(super) link: usize,
    pub(super) change: UpdateChange,
    pub(super) place: Place,
}

/// What an update changes.
pub(super) enum UpdateChange {
    /// Targets more, and which they stand in for.
    Targets(Vec<Target>, Vec<Target>),
    /// Actions more.
    Actions(Box<Draft>),
}

/// Whether a file that is not there matters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Required,
    Optional,
}

type Selects = fn(Span<'_>) -> Result<RuleSelector, Problem>;

/// What a directive is.
#[derive(Clone, Copy)]
pub(super) enum Meaning {
    Include(Presence),
    Rule,
    Action,
    Marker,
    DefaultAction,
    Remove(Selects),
    UpdateTargets(Selects),
    UpdateActions,
    Setting(settings::Apply),
    Ignored(&'static str),
    Refused(&'static str),
}

const NO_AUDIT: &str = "events are kept by the policy's keys for events";
const NO_DISK: &str = "bodies stay in memory, under the policy's limits; nothing is written to disk";
const NO_HASH: &str = "links are not signed";
const NO_NETWORK: &str = "rules make no network calls";
const NO_CONTENT: &str = "rules do not rewrite bodies";
const CONNECTIONS: &str = "connections are limited by the policy's keys for listeners";

const fn by_id() -> Selects {
    |span| Ok(RuleSelector::Ids(ids(span)?))
}

const fn by_tag() -> Selects {
    |span| Ok(RuleSelector::Tag(text_match(span)?))
}

const fn by_message() -> Selects {
    |span| Ok(RuleSelector::Message(text_match(span)?))
}

#[rustfmt::skip]
const DIRECTIVES: [(&str, Meaning); 88] = [
    ("Include", Meaning::Include(Presence::Required)),
    ("IncludeOptional", Meaning::Include(Presence::Optional)),
    ("SecAction", Meaning::Action),
    ("SecArgumentSeparator", Meaning::Setting(settings::argument_separator)),
    ("SecArgumentsLimit", Meaning::Setting(settings::arguments_limit)),
    ("SecAuditEngine", Meaning::Ignored(NO_AUDIT)),
    ("SecAuditLog", Meaning::Ignored(NO_AUDIT)),
    ("SecAuditLog2", Meaning::Ignored(NO_AUDIT)),
    ("SecAuditLogDirMode", Meaning::Ignored(NO_AUDIT)),
    ("SecAuditLogFileMode", Meaning::Ignored(NO_AUDIT)),
    ("SecAuditLogFormat", Meaning::Ignored(NO_AUDIT)),
    ("SecAuditLogParts", Meaning::Ignored(NO_AUDIT)),
    ("SecAuditLogPrefix", Meaning::Ignored(NO_AUDIT)),
    ("SecAuditLogRelevantStatus", Meaning::Ignored(NO_AUDIT)),
    ("SecAuditLogStorageDir", Meaning::Ignored(NO_AUDIT)),
    ("SecAuditLogType", Meaning::Ignored(NO_AUDIT)),
    ("SecCacheTransformations", Meaning::Ignored("each value is transformed once per chain anyway")),
    ("SecChrootDir", Meaning::Ignored("the process is confined by its service unit")),
    ("SecCollectionTimeout", Meaning::Setting(settings::collection_timeout)),
    ("SecComponentSignature", Meaning::Setting(settings::component)),
    ("SecConnEngine", Meaning::Ignored(CONNECTIONS)),
    ("SecConnReadStateLimit", Meaning::Ignored(CONNECTIONS)),
    ("SecConnWriteStateLimit", Meaning::Ignored(CONNECTIONS)),
    ("SecContentInjection", Meaning::Refused(NO_CONTENT)),
    ("SecCookieFormat", Meaning::Setting(settings::cookie_format)),
    ("SecCookieV0Separator", Meaning::Ignored("cookies are split as RFC 6265 says")),
    ("SecDataDir", Meaning::Ignored("persistent collections are kept in the store")),
    ("SecDebugLog", Meaning::Ignored("`portcullis filter try` shows what rules do")),
    ("SecDebugLogLevel", Meaning::Ignored("`portcullis filter try` shows what rules do")),
    ("SecDefaultAction", Meaning::DefaultAction),
    ("SecDisableBackendCompression", Meaning::Ignored("answers are decoded before they are inspected")),
    ("SecGeoLookupDb", Meaning::Ignored("no country database is read by rules")),
    ("SecGsbLookupDb", Meaning::Refused(NO_NETWORK)),
    ("SecGuardianLog", Meaning::Refused("nothing is executed")),
    ("SecHashEngine", Meaning::Setting(settings::hash_engine)),
    ("SecHashKey", Meaning::Refused(NO_HASH)),
    ("SecHashMethodPm", Meaning::Refused(NO_HASH)),
    ("SecHashMethodRx", Meaning::Refused(NO_HASH)),
    ("SecHashParam", Meaning::Refused(NO_HASH)),
    ("SecHttpBlKey", Meaning::Refused(NO_NETWORK)),
    ("SecInterceptOnError", Meaning::Ignored("an operator that runs out of its budget is a reason of its own")),
    ("SecMarker", Meaning::Marker),
    ("SecParseXmlIntoArgs", Meaning::Setting(settings::xml_into_args)),
    ("SecPcreMatchLimit", Meaning::Ignored("matching is linear, or bounded by the policy's steps")),
    ("SecPcreMatchLimitRecursion", Meaning::Ignored("matching is linear, or bounded by the policy's steps")),
    ("SecPdfProtect", Meaning::Refused(NO_CONTENT)),
    ("SecReadStateLimit", Meaning::Ignored(CONNECTIONS)),
    ("SecRemoteRules", Meaning::Refused("rules are read from files only")),
    ("SecRemoteRulesFailAction", Meaning::Refused("rules are read from files only")),
    ("SecRequestBodyAccess", Meaning::Setting(settings::request_body_access)),
    ("SecRequestBodyInMemoryLimit", Meaning::Ignored(NO_DISK)),
    ("SecRequestBodyJsonDepthLimit", Meaning::Setting(settings::json_depth_limit)),
    ("SecRequestBodyLimit", Meaning::Setting(settings::request_body_limit)),
    ("SecRequestBodyLimitAction", Meaning::Setting(settings::request_body_limit_action)),
    ("SecRequestBodyNoFilesLimit", Meaning::Setting(settings::request_body_no_files_limit)),
    ("SecResponseBodyAccess", Meaning::Setting(settings::response_body_access)),
    ("SecResponseBodyLimit", Meaning::Setting(settings::response_body_limit)),
    ("SecResponseBodyLimitAction", Meaning::Setting(settings::response_body_limit_action)),
    ("SecResponseBodyMimeType", Meaning::Setting(settings::response_mime_types)),
    ("SecResponseBodyMimeTypesClear", Meaning::Setting(settings::response_mime_types_clear)),
    ("SecRule", Meaning::Rule),
    ("SecRuleEngine", Meaning::Setting(settings::engine)),
    ("SecRuleInheritance", Meaning::Ignored("the policy says which rules a site or route has")),
    ("SecRulePerfTime", Meaning::Ignored("the cost of rules is not measured while they run")),
    ("SecRuleRemoveById", Meaning::Remove(by_id())),
    ("SecRuleRemoveByMsg", Meaning::Remove(by_message())),
    ("SecRuleRemoveByTag", Meaning::Remove(by_tag())),
    ("SecRuleScript", Meaning::Refused("nothing is executed; write a rule or a condition of the policy")),
    ("SecRuleUpdateActionById", Meaning::UpdateActions),
    ("SecRuleUpdateTargetById", Meaning::UpdateTargets(by_id())),
    ("SecRuleUpdateTargetByMsg", Meaning::UpdateTargets(by_message())),
    ("SecRuleUpdateTargetByTag", Meaning::UpdateTargets(by_tag())),
    ("SecSensorId", Meaning::Ignored("events carry the node's name")),
    ("SecServerSignature", Meaning::Ignored("the upstream's `Server` field is the policy's matter")),
    ("SecStatusEngine", Meaning::Ignored("nothing is reported to anyone")),
    ("SecStreamInBodyInspection", Meaning::Ignored("`REQUEST_BODY` holds the body")),
    ("SecStreamOutBodyInspection", Meaning::Ignored("`RESPONSE_BODY` holds the body")),
    ("SecTmpDir", Meaning::Ignored(NO_DISK)),
    ("SecTmpSaveUploadedFiles", Meaning::Ignored(NO_DISK)),
    ("SecUnicodeCodePage", Meaning::Ignored("`urlDecodeUni` has the table of code page 20127 built in")),
    ("SecUnicodeMapFile", Meaning::Ignored("`urlDecodeUni` has the table of code page 20127 built in")),
    ("SecUploadDir", Meaning::Ignored(NO_DISK)),
    ("SecUploadFileLimit", Meaning::Setting(settings::upload_file_limit)),
    ("SecUploadFileMode", Meaning::Ignored(NO_DISK)),
    ("SecUploadKeepFiles", Meaning::Ignored(NO_DISK)),
    ("SecWebAppId", Meaning::Setting(settings::web_app_id)),
    ("SecWriteStateLimit", Meaning::Ignored(CONNECTIONS)),
    ("SecXmlExternalEntity", Meaning::Setting(settings::external_entity)),
];

/// Every directive and what becomes of it.
pub(super) fn words() -> impl Iterator<Item = (&'static str, Treatment)> {
    DIRECTIVES.iter().map(|(name, meaning)| {
        let treatment = match meaning {
            Meaning::Ignored(why) => Treatment::Ignored(why),
            Meaning::Refused(why) => Treatment::Refused(why),
            _ => Treatment::Done,
        };
        (*name, treatment)
    })
}

/// The directive of that name.
pub(super) fn find(name: Span<'_>) -> Result<(&'static str, Meaning), Problem> {
    let known = DIRECTIVES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.raw()));
    known.copied().ok_or_else(|| {
        let problem = name.error("seclang.directive", format!("`{}` is not a directive", name.raw()));
        match nearest(name.raw(), DIRECTIVES.iter().map(|(known, _)| *known)) {
            Some(near) => problem.remedy(format!("did you mean `{near}`?")),
            None => problem,
        }
    })
}

/// One line with its words.
pub(super) struct Written<'a> {
    pub(super) line: Span<'a>,
    pub(super) name: &'static str,
    pub(super) words: &'a [Word<'a>],
}

impl<'a> Written<'a> {
    /// The words, if there are as many as that.
    pub(super) fn exactly<const N: usize>(&self, usage: &str) -> Result<&'a [Word<'a>; N], Problem> {
        self.words.try_into().map_err(|_| self.count(usage))
    }

    fn count(&self, usage: &str) -> Problem {
        let many = match self.words.len() {
            0 => "no words follow".to_owned(),
            1 => "one word follows".to_owned(),
            more => format!("{more} words follow"),
        };
        let problem = self.line.error("seclang.words", format!("`{}` cannot be read: {many} it", self.name));
        problem.remedy(format!("write it like {} {usage}", self.name))
    }

    /// The word that follows, for a setting.
    pub(super) fn setting(&self, apply: settings::Apply, config: &mut Configuration) -> Result<(), Problem> {
        apply(config, self)
    }

    /// `SecRule TARGETS OPERATOR [ACTIONS]`.
    pub(super) fn rule(
        &self,
        operators: &mut Operators<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<WrittenRule> {
        let (targets, operator, actions) = match self.words {
            [targets, operator] => (targets, operator, None),
            [targets, operator, actions] => (targets, operator, Some(actions)),
            _ => {
                problems.push(self.count(r#"ARGS "@contains text" "id:1,phase:2,deny""#));
                return None;
            }
        };
        let targets = target_list::parse(targets.span, problems);
        let operator = operators.read(*operator, problems);
        let draft = match actions {
            Some(actions) => action_list::parse(actions.span, problems),
            None => Draft::new(self.line.place()),
        };
        let test = Test::Values { targets, operator: operator? };
        Some(WrittenRule { test, draft, place: self.line.place() })
    }

    /// `SecAction ACTIONS`.
    pub(super) fn action(&self, problems: &mut Vec<Problem>) -> Result<WrittenRule, Problem> {
        let [actions] = self.exactly(r#""id:1,phase:1,pass,setvar:tx.a=1""#)?;
        let draft = action_list::parse(actions.span, problems);
        Ok(WrittenRule { test: Test::Always, draft, place: self.line.place() })
    }

    /// `SecMarker NAME`.
    pub(super) fn marker(&self) -> Result<Statement, Problem> {
        let [name] = self.exactly("END_OF_CHECKS")?;
        Ok(Statement::Marker(name.value().into()))
    }

    /// `SecDefaultAction ACTIONS`.
    pub(super) fn default_action(&self, problems: &mut Vec<Problem>) -> Result<Statement, Problem> {
        let [actions] = self.exactly(r#""phase:2,log,auditlog,pass""#)?;
        let draft = action_list::parse(actions.span, problems);
        let Some((phase, _)) = draft.phase else {
            let problem = actions.span.error("seclang.default", "a default action needs a phase");
            return Err(problem.remedy("begin it with phase:1 to phase:5"));
        };
        let misplaced = if draft.id.is_some() {
            Some("an id")
        } else if draft.chain {
            Some("`chain`")
        } else if draft.flow.is_some() {
            Some("a jump")
        } else if !draft.effects.is_empty() {
            Some("a change of variables")
        } else {
            None
        };
        match misplaced {
            Some(what) => {
                Err(actions.span.error("seclang.default", format!("a default action cannot have {what}")))
            }
            None => Ok(Statement::Default(phase, draft)),
        }
    }

    /// `SecRuleRemoveById 1 2-5`, and by tag or message.
    pub(super) fn remove(&self, selects: Selects) -> Result<Vec<Statement>, Problem> {
        if self.words.is_empty() {
            return Err(self.count("942100 942110-942199"));
        }
        let one = |word: &Word<'_>| Ok(Statement::Remove(selects(word.span)?, word.span.place()));
        self.words.iter().map(one).collect()
    }

    /// `SecRuleUpdateTargetById 942100 "!ARGS:note" [REPLACED]`, and by tag or message.
    pub(super) fn update_targets(
        &self,
        selects: Selects,
        problems: &mut Vec<Problem>,
    ) -> Result<Statement, Problem> {
        let (rules, targets, replaced) = match self.words {
            [rules, targets] => (rules, targets, None),
            [rules, targets, replaced] => (rules, targets, Some(replaced)),
            _ => return Err(self.count(r#"942100 "!ARGS:note""#)),
        };
        let (rules, link) = rules_and_link(rules.span);
        let targets = target_list::parse(targets.span, problems);
        let replaced = replaced.map_or_else(Vec::new, |list| target_list::parse(list.span, problems));
        let change = UpdateChange::Targets(targets, replaced);
        Ok(Statement::Update(Update { rules: selects(rules)?, link, change, place: self.line.place() }))
    }

    /// `SecRuleUpdateActionById 942100 "pass,nolog"`.
    pub(super) fn update_actions(&self, problems: &mut Vec<Problem>) -> Result<Statement, Problem> {
        let [rules, actions] = self.exactly(r#"942100 "pass,nolog""#)?;
        let (rules, link) = rules_and_link(rules.span);
        let draft = action_list::parse(actions.span, problems);
        if draft.id.is_some() || draft.phase.is_some() || draft.chain {
            let problem =
                actions.span.error("seclang.update", "an update changes neither id, phase nor chain");
            return Err(problem);
        }
        let rules = RuleSelector::Ids(ids(rules)?);
        let change = UpdateChange::Actions(Box::new(draft));
        Ok(Statement::Update(Update { rules, link, change, place: self.line.place() }))
    }
}

/// `942100:1` is the link after the first of rule 942100.
fn rules_and_link(written: Span<'_>) -> (Span<'_>, usize) {
    let split = written.split_once(|c| c == ':');
    let link = split.and_then(|(rules, link)| Some((rules, link.raw().trim().parse().ok()?)));
    link.unwrap_or((written, 0))
}
