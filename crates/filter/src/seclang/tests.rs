//! What whole files become: rules in order, everything resolved, or every mistake with its place.

use portcullis_document::{MemorySources, Style, render};

use super::*;

fn read(text: &str) -> Result<Rules, Vec<Problem>> {
    let entry = Entry::Text { name: "a.conf".to_owned(), text: text.to_owned() };
    load(&[entry], &MemorySources::new())
}

fn rules(text: &str) -> Rules {
    read(text).unwrap_or_else(|problems| panic!("{}", render(&problems, Style::Plain)))
}

fn only(text: &str) -> Rule {
    rules(text).iter().next().unwrap().clone()
}

/// The ids of a phase.
fn ids(rules: &Rules, phase: Phase) -> Vec<u32> {
    rules.phase(phase).iter().map(|rule| rule.id.0).collect()
}

fn targets(link: &Link) -> String {
    let Test::Values { targets, .. } = &link.test else { return String::new() };
    targets.iter().map(Target::to_string).collect::<Vec<_>>().join("|")
}

/// The problems, one line each.
fn check_problems(text: &str, expected: &[&str]) {
    let problems = match read(text) {
        Ok(rules) => rules.notes,
        Err(problems) => problems,
    };
    let shown: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert_eq!(shown, expected, "{text}");
}

#[test]
fn a_rule_is_read_whole() {
    let rule = only(
        r#"SecRule ARGS|!ARGS:note "!@pm a b" \
            "id:1,phase:1,deny,status:409,capture,t:none,t:urlDecode,t:lowercase,multiMatch,\
            msg:'It''s: a, b',logdata:'%{MATCHED_VAR}',tag:'x',tag:'y',severity:'CRITICAL',ver:'v/1',\
            setvar:'tx.a=+%{tx.b}',setvar:!tx.c""#
            .replace("''", "\\'")
            .as_str(),
    );
    assert_eq!((rule.id, rule.phase), (RuleId(1), Phase::RequestHead));
    assert_eq!(targets(&rule.first), "ARGS|!ARGS:note");
    let Test::Values { operator, .. } = &rule.first.test else { panic!() };
    assert_eq!(
        (operator.negated, operator.name.as_str(), operator.argument.as_text()),
        (true, "pm", Some("a b"))
    );
    let names: Vec<&str> = rule.first.transformations.iter().map(|one| one.name()).collect();
    assert_eq!(names, ["urlDecode", "lowercase"]);
    assert!(rule.first.capture && rule.first.multi_match);
    let actions = &rule.actions;
    assert_eq!((&actions.disruptive, actions.status), (&Disruptive::Deny, Some(409)));
    assert_eq!(actions.message.as_ref().unwrap().as_text(), Some("It's: a, b"));
    assert_eq!(actions.log_data.as_ref().unwrap().to_string(), "%{MATCHED_VAR}");
    assert_eq!((actions.tags.len(), actions.severity), (2, Some(Severity::Critical)));
    let [Effect::SetVar(add), Effect::SetVar(remove)] = rule.first.effects.as_slice() else { panic!() };
    assert!(matches!(&add.change, Change::Add(by) if by.to_string() == "%{TX.b}"));
    assert_eq!((remove.collection, &remove.change), (Collection::Tx, &Change::Remove));
}

#[test]
fn all_mistakes_are_found_at_once() {
    check_problems(
        "SecRuleEngin On\n\
         SecRule ARG \"@rx a\" \"id:1,phase:9,t:lower,denny\"\n\
         SecRule ARGS \"@contain x\" \"id:2\"\n\
         SecAction \"phase:1,pass,exec:/bin/x\"\n\
         SecRequestBodyLimit much\n",
        &[
            "a.conf:1:1: error: `SecRuleEngin` is not a directive",
            "a.conf:2:9: error: `ARG` is not a variable",
            "a.conf:2:33: error: `9` is not a phase",
            "a.conf:2:37: error: `lower` is not a transformation",
            "a.conf:2:43: error: `denny` is not an action",
            "a.conf:3:16: error: `@contain` is not an operator",
            "a.conf:4:25: error: the action `exec` is refused: nothing is executed",
            "a.conf:5:21: error: `much` is not a whole number",
            "a.conf:4:12: error: this rule has no id",
        ],
    );
}

#[test]
fn excerpts_and_remedies_are_drawn() {
    let text = "SecRule ARGS|REQUEST_HEADRS \"@rx a\" \\\n    \"id:1,\\\n    phase:2,deny:403\"\n";
    let problems = read(text).unwrap_err();
    insta::assert_snapshot!(render(&problems, Style::Plain));
}

#[test]
fn defaults_are_those_of_the_phase() {
    let text = |rule: &str| format!("SecDefaultAction \"phase:2,deny,status:406,nolog,t:lowercase\"\n{rule}");
    let rule = only(&text(r#"SecRule ARGS "a" "id:1,block,t:urlDecode""#));
    assert_eq!((&rule.actions.disruptive, rule.actions.status), (&Disruptive::Deny, Some(406)));
    assert_eq!(rule.actions.log, Log { error: false, audit: false });
    assert_eq!(rule.first.transformations.len(), 2);
    let rule = only(&text(r#"SecRule ARGS "a" "id:1,pass,log,t:none""#));
    assert_eq!((&rule.actions.disruptive, rule.actions.log.error), (&Disruptive::Pass, true));
    assert!(rule.first.transformations.is_empty());
    let rule = only(&text(r#"SecRule ARGS "a" "id:1,phase:1""#));
    assert_eq!((&rule.actions.disruptive, rule.actions.log.error), (&Disruptive::Pass, true));
    let rule = only("SecRule ARGS a id:1\nSecDefaultAction phase:2,drop\n");
    assert_eq!(rule.actions.disruptive, Disruptive::Drop);
}

#[test]
fn chains_are_one_rule() {
    let rule = only(
        "SecRule ARGS a \"id:1,deny,chain,tag:x,setvar:tx.a=1\"\n\
         SecRule &ARGS \"@gt 3\" \"chain,t:length\"\n\
         SecRule TX:a \"@eq 1\" \"msg:'three',tag:y,setvar:tx.b=1\"\n",
    );
    assert_eq!(rule.chain.len(), 2);
    assert_eq!(rule.actions.message.as_ref().unwrap().as_text(), Some("three"));
    assert_eq!(rule.actions.tags, ["x", "y"]);
    assert_eq!(rule.links().map(|link| link.effects.len()).collect::<Vec<_>>(), [1, 0, 1]);
    check_problems("SecRule ARGS a id:1,chain", &["a.conf:1:1: error: a chain ends without its last rule"]);
    check_problems(
        "SecRule ARGS a id:1,chain\nSecRule ARGS b deny",
        &["a.conf:2:16: error: what a chain leads to is said by its first rule"],
    );
}

#[test]
fn jumps_land_after_the_next_marker_in_their_phase() {
    let rules = rules(
        "SecAction id:1,phase:1,skipAfter:END\n\
         SecAction id:2,phase:2,skipAfter:END\n\
         SecAction id:3,phase:1\n\
         SecMarker END\n\
         SecAction id:4,phase:1,skip:2\n\
         SecMarker \"END\"\n\
         SecAction id:5,phase:1,skipAfter:GONE\n",
    );
    let flows: Vec<&Flow> = rules.phase(Phase::RequestHead).iter().map(|rule| &rule.actions.flow).collect();
    assert_eq!(flows, [&Flow::Goto(2), &Flow::Next, &Flow::Skip(2), &Flow::Goto(4)]);
    assert_eq!(rules.phase(Phase::RequestBody)[0].actions.flow, Flow::Goto(1));
    assert_eq!(rules.notes.len(), 1);
}

const THREE: &str = "SecRule ARGS a \"id:1,tag:red,tag:attack-sqli,msg:'one'\"\n\
                     SecRule ARGS|ARGS_NAMES b \"id:2,tag:red,chain\"\nSecRule ARGS c \"t:none\"\n\
                     SecRule ARGS c \"id:30,msg:'three'\"\n";

#[test]
fn rules_are_removed_wherever_that_is_said() {
    let left = |directive: &str| ids(&rules(&format!("{directive}\n{THREE}")), Phase::RequestBody);
    assert_eq!(left("SecRuleRemoveById 1"), [2, 30]);
    assert_eq!(left("SecRuleRemoveById 1 \"20-40\""), [2]);
    assert_eq!(left("SecRuleRemoveByTag red"), [30]);
    assert_eq!(left("SecRuleRemoveByTag attack"), [1, 2, 30], "text is meant as it stands");
    assert_eq!(left("SecRuleRemoveByTag attack-.*"), [2, 30], "a pattern is one");
    assert_eq!(left("SecRuleRemoveByMsg three"), [1, 2]);
    check_problems(
        &format!("SecRuleRemoveById 7\n{THREE}"),
        &["a.conf:1:19: warning: no rule is meant by this"],
    );
}

#[test]
fn targets_and_actions_are_updated() {
    let updated = |directive: &str| rules(&format!("{THREE}{directive}\n"));
    let of = |rules: &Rules, at: usize| targets(&rules.phase(Phase::RequestBody)[at].first);
    let by_id = updated("SecRuleUpdateTargetById 1-2 \"!ARGS:note|REQUEST_URI\"");
    assert_eq!([of(&by_id, 0), of(&by_id, 2)], ["ARGS|!ARGS:note|REQUEST_URI", "ARGS"]);
    let by_tag = updated("SecRuleUpdateTargetByTag red !ARGS:x");
    assert_eq!([of(&by_tag, 1), of(&by_tag, 2)], ["ARGS|ARGS_NAMES|!ARGS:x", "ARGS"]);
    let by_message = updated("SecRuleUpdateTargetByMsg three !ARGS:x");
    assert_eq!(of(&by_message, 2), "ARGS|!ARGS:x");
    let replaced = updated("SecRuleUpdateTargetById 2 REQUEST_URI ARGS_NAMES");
    assert_eq!(of(&replaced, 1), "ARGS|REQUEST_URI");
    let link = updated("SecRuleUpdateTargetById 2:1 !ARGS:x");
    assert_eq!(targets(&link.phase(Phase::RequestBody)[1].chain[0]), "ARGS|!ARGS:x");
    let actions = updated("SecRuleUpdateActionById 1 \"deny,status:404,tag:more,msg:'new'\"");
    let actions = &actions.phase(Phase::RequestBody)[0].actions;
    assert_eq!((&actions.disruptive, actions.status), (&Disruptive::Deny, Some(404)));
    assert_eq!((actions.tags.len(), actions.message.as_ref().unwrap().as_text()), (3, Some("new")));
}

#[test]
fn controls_are_typed() {
    let rule = only(
        "SecAction \"id:1,ctl:ruleEngine=DetectionOnly,ctl:requestBodyProcessor=XML,ctl:ruleRemoveById=5-9,\
         ctl:'ruleRemoveTargetByTag=red;ARGS:a|ARGS:/^b,c/',ctl:auditLogParts=+E\"\n",
    );
    let [engine, processor, remove, first, second] = rule.first.effects.as_slice() else { panic!() };
    assert_eq!(engine, &Effect::Control(Control::Engine(EngineMode::DetectionOnly)));
    assert_eq!(processor, &Effect::Control(Control::BodyProcessor(BodyProcessor::Xml)));
    assert_eq!(remove, &Effect::Control(Control::RemoveRules(RuleSelector::Ids(vec![5..=9]))));
    let shown = |effect: &Effect| match effect {
        Effect::Control(Control::RemoveTarget(_, target)) => target.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!([shown(first), shown(second)], ["!ARGS:a", "!ARGS:/^b,c/"]);
}

#[test]
fn collections_are_named_and_expire() {
    let rule = only(
        "SecAction \"id:1,initcol:ip=%{REMOTE_ADDR}_x,setvar:ip.hits=+1,expirevar:ip.hits=60,setsid:%{tx.s}\"\n",
    );
    let [load, hit, expire, session] = rule.first.effects.as_slice() else { panic!() };
    assert!(
        matches!(load, Effect::InitCollection(Collection::Ip, key) if key.to_string() == "%{REMOTE_ADDR}_x")
    );
    assert!(matches!(hit, Effect::SetVar(SetVar { collection: Collection::Ip, .. })));
    assert!(matches!(expire, Effect::ExpireVar { seconds, .. } if seconds.as_text() == Some("60")));
    assert!(matches!(session, Effect::SetSession(_)));
}

#[test]
fn settings_are_set() {
    let config = rules(
        "SecRuleEngine DetectionOnly\nSecRequestBodyAccess Off\nSecRequestBodyLimit 7\n\
         SecRequestBodyLimitAction ProcessPartial\nSecResponseBodyMimeTypesClear\n\
         SecResponseBodyMimeType text/HTML (null)\nSecArgumentSeparator ;\nSecArgumentsLimit 5\n\
         SecParseXmlIntoArgs OnlyArgs\nSecXmlExternalEntity Off\nSecCookieFormat 0\n",
    )
    .config;
    assert_eq!((config.engine, config.request_body_access), (EngineMode::DetectionOnly, false));
    assert_eq!((config.request_body_limit, config.arguments_limit), (7, 5));
    assert_eq!(config.request_body_limit_action, LimitAction::ProcessPartial);
    assert_eq!(config.response_mime_types, [Some("text/html".into()), None]);
    assert_eq!((config.argument_separator, config.xml_into_args), (b';', XmlArguments::OnlyArgs));
    check_problems("SecXmlExternalEntity On", &["a.conf:1:22: error: `On` cannot stand here"]);
}

#[test]
fn what_has_no_effect_is_said_once() {
    check_problems(
        "SecAuditEngine On\nSecAuditEngine Off\n",
        &[
            "a.conf:1:1: warning: `SecAuditEngine` has no effect here: events are kept by the policy's keys for events",
        ],
    );
    check_problems(
        "SecRuleScript x.lua id:1",
        &[
            "a.conf:1:1: error: `SecRuleScript` is refused: nothing is executed; write a rule or a condition of the policy",
        ],
    );
}

#[test]
fn files_are_included_in_order() {
    let sources = MemorySources::new()
        .file("conf/main.conf", "Include rules/*.conf\nIncludeOptional none.conf\nInclude gone.conf\n")
        .file("conf/rules/b.conf", "SecAction id:2\n")
        .file("conf/rules/a.conf", "SecRule ARGS \"@pmFromFile words.data\" id:1\nInclude ../more.conf")
        .file("conf/rules/words.data", "evil\n")
        .file("conf/rules/c.conf.example", "broken")
        .file("conf/more.conf", "SecAction id:3\nInclude more.conf\n");
    let problems = load(&[Entry::Path("conf/main.conf".to_owned())], &sources).unwrap_err();
    let shown: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert!(shown[0].contains("conf/more.conf:2:9: error: `conf/more.conf` is not read"), "{shown:?}");
    assert!(shown[1].starts_with("conf/main.conf:3:9: error: `conf/gone.conf` cannot be read"), "{shown:?}");
    let rules = load(&[Entry::Path("conf/rules/b.conf".to_owned())], &sources).unwrap();
    assert_eq!(ids(&rules, Phase::RequestBody), [2]);
}

#[test]
fn operators_that_cannot_be_used_are_shown_where_they_stand() {
    let begins = |text: &str, begin: &str| {
        let problems = read(text).unwrap_err();
        let shown = problems.first().unwrap().to_string();
        assert!(shown.starts_with(begin), "{shown}");
    };
    begins("SecRule ARGS \"@rx (\" id:1", "a.conf:1:15: error: `@rx` cannot be used: ");
    begins(
        "SecRule ARGS \"@pmFromFile gone.data\" id:1",
        "a.conf:1:15: error: `@pmFromFile` cannot be used: ",
    );
    begins(
        "SecRule ARGS \"@fuzzyHash x\" id:1",
        "a.conf:1:16: error: the operator `@fuzzyHash` is refused: ",
    );
    check_problems(
        "SecRule ARGS \"@rbl x\" id:1\nSecRule ARGS \"@rbl y\" id:2",
        &[
            "a.conf:1:16: warning: the operator `@rbl` has no effect here: rules make no network calls; it never matches",
        ],
    );
}

#[test]
fn two_rules_of_one_id_are_a_mistake() {
    check_problems(
        "SecAction id:1\nSecAction \"phase:1,id:1\"\n",
        &["a.conf:2:23: error: two rules have the id 1"],
    );
}

/// A line that uses a word of the language.
fn line_with(word: &Word) -> String {
    let name = word.name;
    match word.part {
        Part::Directive => format!("{name} a b c d"),
        Part::Variable => format!("SecRule {name} x id:1"),
        Part::Operator => format!("SecRule ARGS \"@{name} 1\" id:1"),
        Part::Transformation => format!("SecAction id:1,t:{name}"),
        Part::Action => format!("SecAction id:1,{name}:1"),
        Part::Control => format!("SecAction id:1,ctl:{name}=1"),
    }
}

#[test]
fn words_of_the_table_are_read_as_it_says() {
    for word in inventory() {
        let answer = read(&line_with(&word));
        let codes: Vec<&str> = match &answer {
            Ok(rules) => rules.notes.iter().map(|note| note.code).collect(),
            Err(problems) => problems.iter().map(|problem| problem.code).collect(),
        };
        match word.treatment {
            Treatment::Ignored(_) => assert_eq!(codes, ["seclang.ignored"], "{word:?}"),
            Treatment::Refused(_) => assert_eq!(codes, ["seclang.refused"], "{word:?}"),
            Treatment::Idle(_) => assert_eq!(codes, [""; 0], "{word:?}"),
            Treatment::Done => {
                let other = codes.iter().all(|code| !["seclang.ignored", "seclang.refused"].contains(code));
                assert!(other, "{word:?}: {codes:?}");
            }
        }
    }
}

#[test]
fn hostile_files_are_read_or_explained() {
    for text in [
        "\\\n\\\n\\",
        "\"",
        "SecRule",
        "SecRule \"\" \"\" \"\"",
        "SecAction \"'\"",
        "SecAction \":,:'\"",
        "<",
        "SecRule ARGS:'",
        "SecAction id:99999999999",
        "SecRule ARGS: \"@\" \"id:\"",
        "SecRule ! \"!\" ctl:",
        "SecAction setvar:",
        "SecRule XML: a id:1",
        "SecRule é:é \"@é é\" \"é:'é\"",
        "Include *",
        "SecRuleUpdateTargetById : :",
        "SecAction \"id:1,setvar:tx.é='\"",
    ] {
        let _ = read(text);
        let _ = read(&format!("{text}\n{text}"));
    }
}

mod properties {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_text_panics(text in "(SecRule |SecAction |ARGS|[-!&|:/'\"@,;=.%{}\\\\ \na-zé0-9]){0,40}") {
            let _ = super::read(&text);
        }
    }
}
