//! Documents that are generated from the types, held to what the types say now.
//!
//! `PORTCULLIS_BLESS=1` writes them anew instead of comparing.

fn hold(name: &str, current: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("PORTCULLIS_BLESS").is_some() {
        std::fs::write(&path, current).expect("written");
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == current, "docs/{name} is out of date: run this test with PORTCULLIS_BLESS=1");
}

#[test]
fn the_policy_reference_is_current() {
    hold("policy-reference.md", &portcullis_policy::reference());
}

#[test]
fn the_reference_of_conditions_is_current() {
    hold("conditions.md", &portcullis_expr::reference());
}

#[test]
fn the_schema_for_editors_is_current() {
    hold("policy.schema.json", &format!("{:#}\n", portcullis_policy::json_schema()));
}

#[test]
fn the_table_of_seclang_is_current() {
    hold("seclang.md", &portcullis_filter::seclang::reference());
}

#[test]
fn the_rules_of_lint_are_current() {
    hold("api-lint.md", &portcullis_contract::lint::reference());
}
