//! What the first rules set before they look at a request: it is the same whether they are run for it or were before.

use super::*;

const GET: &str = "GET /?q=evil HTTP\nHost: h\nContent-Type: application/json";
/// Tells the level, and a text that was put together.
const TOLD: &str = "
SecRule TX:level \"@eq 2\" \"id:11,phase:1,pass,log\"
SecRule TX:greeting \"@streq hello level 2\" \"id:12,phase:2,pass,log\"
SecRule &TX:absent \"@eq 0\" \"id:13,phase:2,pass,log\"";

#[test]
fn defaults_are_set_where_nothing_was_set_before() {
    let defaults = "
SecAction \"id:1,phase:1,pass,nolog,setvar:tx.level=1,setvar:tx.absent=1\"
SecRule &TX:level \"@eq 0\" \"id:2,phase:1,pass,nolog,setvar:tx.level=9\"
SecRule TX:level \"@eq 1\" \"id:3,phase:1,pass,nolog,setvar:tx.level=+1,setvar:!tx.absent\"
SecAction \"id:4,phase:1,pass,nolog,setvar:'tx.greeting=hello level %{tx.level}'\"";
    check(&format!("{defaults}{TOLD}"), GET, &[11, 12, 13]);
    // One that only reads the request stays between them; one that sets what they read ends them.
    let reader = "SecRule REQUEST_HEADERS:Content-Type \"@rx json\" \"id:5,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"";
    check(&format!("{reader}\n{defaults}\n{reader}{TOLD}").replacen("id:5", "id:6", 1), GET, &[11, 12, 13]);
    let setter = "SecRule ARGS:q \"@streq evil\" \"id:5,phase:1,pass,nolog,setvar:tx.level=7\"";
    check(&format!("{setter}\n{defaults}{TOLD}"), GET, &[11, 12, 13]);
    check(&format!("{defaults}\n{setter}{TOLD}"), GET, &[12, 13]);
}

#[test]
fn what_ends_or_skips_rules_does_so_among_defaults_too() {
    let off = "SecRule ARGS:q \"@streq evil\" \"id:5,phase:1,pass,nolog,ctl:ruleEngine=Off\"";
    let set = "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.level=2\"";
    check(&format!("{off}\n{set}{TOLD}"), GET, &[]);
    let removed = "SecRule ARGS:q \"@streq evil\" \"id:5,phase:1,pass,nolog,ctl:ruleRemoveById=1\"";
    check(&format!("{removed}\n{set}{TOLD}"), GET, &[13]);
    let skipped = "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.level=2,skipAfter:END\"
SecAction \"id:2,phase:1,pass,nolog,setvar:tx.level=3,setvar:tx.absent=1\"
SecMarker END";
    check(&format!("{skipped}{TOLD}"), GET, &[11, 13]);
    let told = "SecAction \"id:1,phase:1,pass,log,setvar:tx.level=2\"";
    check(&format!("{told}{TOLD}"), GET, &[1, 11, 13]);
    let seen = "SecAction \"id:1,phase:1,pass,nolog,setvar:'tx.level=%{REQUEST_METHOD}'\"";
    check(&format!("{seen}\nSecRule TX:level \"@streq GET\" \"id:2,phase:1,pass,log\""), GET, &[2]);
}

#[test]
fn one_value_is_tried_whatever_was_remembered_of_it() {
    let rules = rules(
        "SecRule REQUEST_HEADERS:Accept \"!@rx ^text/\" \"id:1,phase:1,pass,log\"
SecRule REQUEST_HEADERS:Accept \"@rx ^$\" \"id:2,phase:1,pass,log\"
SecRule REQUEST_METHOD \"@rx ^\" \"id:3,phase:1,pass,log\"",
    );
    let mut workspace = Workspace::new();
    for (accept, expected) in
        [("text/html", &[3][..]), ("image/png", &[1, 3]), ("", &[1, 2, 3]), ("text/*", &[3])].repeat(4)
    {
        let mut transaction = Transaction::new(&rules, Budget::default(), &mut workspace);
        request(&mut transaction, &sent(&format!("GET / HTTP\nAccept: {accept}")), &mut workspace);
        let ids: Vec<u32> = transaction.matches().iter().map(|found| found.rule).collect();
        assert_eq!(ids, expected, "{accept}");
        transaction.finish(&mut workspace);
    }
}
