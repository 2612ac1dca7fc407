//! What is known before a rule's turn comes: gates over variables that nobody sets any more, and values that stand in
//! no list.

use super::*;
use proptest::prelude::*;

/// Levels as CRS gates them, in two phases.
const GATED: &str = "
SecAction \"id:1,phase:1,pass,nolog,setvar:tx.level=1\"
SecRule REQUEST_HEADERS:X-Change \"@rx .\" \"id:2,phase:1,pass,nolog,ctl:REMOVAL\"
SecRule TX:level \"@lt 1\" \"id:10,phase:1,pass,nolog,skipAfter:END-1\"
SecRule ARGS:q \"@contains evil\" \"id:11,phase:1,pass,log\"
SecRule TX:level \"@lt 2\" \"id:12,phase:1,pass,nolog,skipAfter:END-1\"
SecRule ARGS:q \"@contains evil\" \"id:13,phase:1,pass,log\"
SecAction \"id:14,phase:1,pass,log\"
SecMarker END-1
SecRule TX:level \"@lt 2\" \"id:20,phase:2,pass,nolog,tag:gate,skipAfter:END-2\"
SecRule ARGS:q \"@contains evil\" \"id:21,phase:2,pass,log\"
SecMarker END-2
SecRule ARGS:q \"@contains evil\" \"id:22,phase:2,pass,log\"";

#[test]
fn what_a_gate_jumps_over_is_left_out_unless_the_gate_is_taken_away() {
    let plain = "GET /?q=evil HTTP\nHost: h";
    let changed = "GET /?q=evil HTTP\nX-Change: 1";
    let removing = |what: &str| GATED.replace("REMOVAL", what);
    for removal in ["ruleRemoveById=12", "ruleRemoveById=20", "ruleRemoveByTag=gate", "ruleRemoveById=22"] {
        check(&removing(removal), plain, &[11, 22]);
    }
    check(&removing("ruleRemoveById=12"), changed, &[11, 13, 14, 22]);
    check(&removing("ruleRemoveById=20"), changed, &[11, 21, 22]);
    check(&removing("ruleRemoveByTag=gate"), changed, &[11, 21, 22]);
    check(&removing("ruleRemoveById=22"), changed, &[11]);
}

#[test]
fn a_gate_whose_variable_may_still_be_set_is_asked() {
    let attack = "GET /?q=evil HTTP\nHost: h";
    let rules = |setting: &str| format!("{}\n{setting}", GATED.replace("ctl:REMOVAL", "auditlog"));
    let raise = |set: &str| {
        rules("").replacen(
            "SecMarker END-1",
            &format!("SecMarker END-1\nSecRule ARGS:q \"@contains evil\" \"id:3,phase:1,pass,nolog,capture,setvar:'{set}'\""),
            1,
        )
    };
    check(&rules(""), attack, &[11, 22]);
    check(&raise("tx.level=2"), attack, &[11, 21, 22]);
    check(&raise("tx.level=+1"), attack, &[11, 21, 22]);
    check(&raise("tx.le%{tx.none}vel=2"), attack, &[11, 21, 22]);
    check(&raise("tx.%{tx.none}level=2"), attack, &[11, 21, 22]);
    check(&raise("tx.other=2"), attack, &[11, 22]);
    // A capture is set whenever something is captured.
    let captured = "
SecAction \"id:1,phase:1,pass,nolog,setvar:tx.0=1\"
SecRule ARGS:q \"@rx [0-9]\" \"id:2,phase:1,pass,nolog,capture\"
SecRule TX:0 \"@lt 2\" \"id:3,phase:1,pass,nolog,skipAfter:END\"
SecAction \"id:4,phase:1,pass,log\"
SecMarker END";
    check(captured, "GET /?q=5 HTTP\nHost: h", &[4]);
    check(captured, "GET /?q=a HTTP\nHost: h", &[]);
}

#[test]
fn what_is_jumped_over_can_be_jumped_into() {
    let rules = "
SecAction \"id:1,phase:1,pass,nolog,setvar:tx.level=1\"
SecRule ARGS:q \"@contains evil\" \"id:2,phase:1,pass,nolog,skipAfter:INSIDE\"
SecRule ARGS:q \"@contains odd\" \"id:3,phase:1,pass,nolog,skip:2\"
SecRule TX:level \"@lt 2\" \"id:4,phase:1,pass,nolog,skipAfter:END\"
SecAction \"id:5,phase:1,pass,log\"
SecMarker INSIDE
SecAction \"id:6,phase:1,pass,log\"
SecMarker END
SecAction \"id:7,phase:1,pass,log\"";
    check(rules, "GET /?q=evil HTTP\nHost: h", &[6, 7]);
    check(rules, "GET /?q=odd HTTP\nHost: h", &[6, 7]);
    check(rules, "GET /?q=fine HTTP\nHost: h", &[7]);
}

/// Notes every field under its name and looks the notes up; other rules read what it leaves.
const LISTED: &str = "
SecAction \"id:1,phase:1,pass,nolog,setvar:'tx.list=/proxy/ /if/ /content-range/'\"
SecRule REQUEST_HEADERS_NAMES \"@rx ^.*$\" \"id:2,phase:1,pass,log,capture,t:none,t:lowercase,msg:'%{MATCHED_VAR}',setvar:'tx.field_%{tx.0}=/%{tx.0}/',chain\"
    SecRule TX:/^field_/ \"@within %{tx.list}\" \"setvar:tx.score=+5\"
SecRule TX:0 \"@streq last\" \"id:3,phase:1,pass,log\"
SecRule TX:/^counter_/ \"@rx .\" \"id:4,phase:1,pass,log\"
SecRule TX:score \"@ge 5\" \"id:6,phase:2,pass,log\"";
/// A rule whose pattern could be of any note's name.
const READER: &str = "\nSecRule TX:/counter_.*/ \"@rx .\" \"id:5,phase:1,pass,log\"";

#[test]
fn fields_are_looked_up_in_a_list() {
    let check_both = |request: &str, expected: &[u32], read: &[u32]| {
        check(LISTED, request, expected);
        check(&format!("{LISTED}{READER}"), request, read);
    };
    check_both("GET / HTTP\nHost: h\nAccept: x", &[], &[]);
    check_both("GET / HTTP\nPROXY: h\nAccept: x", &[2, 6], &[2, 6]);
    check_both("GET / HTTP\nHost: h\nIf: x", &[2, 6], &[2, 6]);
    check_both("GET / HTTP\nHost: h\nLast: x", &[3], &[3]);
    check_both("GET / HTTP\nLast: x\nIf: h\nLast: x", &[2, 3, 6], &[2, 3, 6]);
    check_both("GET / HTTP\ncounter_x: h", &[], &[5]);
    // Rules that read any note of any name, set one themselves, or change the list.
    for other in [
        "SecRule TX \"@streq /host/\" \"id:9,phase:1,pass,log\"",
        "SecRule TX:field_host \"@streq /host/\" \"id:9,phase:1,pass,log\"",
        "SecRule TX:/^fi/ \"@streq /host/\" \"id:9,phase:1,pass,log\"",
        "SecRule TX:/host/ \"@streq /host/\" \"id:9,phase:1,pass,log\"",
        "SecRule TX:/none|d_h/ \"@streq /host/\" \"id:9,phase:1,pass,log\"",
        "SecRule REQUEST_METHOD \"@streq %{tx.field_host}\" \"id:8,phase:1,pass,log\"\nSecAction \"id:9,phase:1,pass,log,msg:'%{tx.field_host}'\"",
        "SecRule &TX:/^field_h/ \"@eq 1\" \"id:9,phase:1,pass,log\"",
    ] {
        check(&format!("{LISTED}\n{other}"), "GET / HTTP\nHost: h", &[9]);
    }
    let set = "SecRule REQUEST_METHOD \"@rx T\" \"id:9,phase:1,pass,nolog,capture,setvar:'tx.fie%{tx.none}ld_y=/if/'\"";
    check(&format!("{set}{LISTED}"), "GET / HTTP\nHost: h", &[2, 6]);
    let list =
        LISTED.replace("'tx.list=/proxy/ /if/ /content-range/'", "'tx.list=%{REQUEST_HEADERS.Accept}'");
    check(&list, "GET / HTTP\nAccept: /accept/", &[2, 6]);
    check(&list, "GET / HTTP\nAccept: 5", &[]);
    check(&list, "GET / HTTP\nHost: h", &[]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn fields_matter_with_a_glance_at_the_list_or_without(
        fields in proptest::collection::vec("(if|IF|proxy|pro|x|last|counter_|content-range|/|host){1,2}", 0..5),
    ) {
        let fields: Vec<String> = fields.iter().map(|name| format!("{name}: 1")).collect();
        let request = sent(&format!("GET / HTTP\n{}", fields.join("\n")));
        both(LISTED, &request);
        both(&format!("{LISTED}{READER}"), &request);
    }
}
