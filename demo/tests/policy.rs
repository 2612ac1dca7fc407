//! The demo's policy file: it loads without a remark.

use portcullis_document::{MemorySources, Style, render};

fn sources() -> MemorySources {
    MemorySources::new()
        .file("portcullis.yaml", include_str!("../portcullis.yaml"))
        .file("openapi.yaml", include_str!("../openapi.yaml"))
        .file("keys.yaml", include_str!("../keys.yaml"))
        .file("jwks.json", include_str!("../jwks.json"))
        .file("node.secret", "as made on first start")
}

#[test]
fn the_policy_loads_without_a_remark() {
    let loaded = portcullis_policy::load("portcullis.yaml", &sources());
    assert!(loaded.problems.is_empty(), "{}", render(&loaded.problems, Style::Plain));
    assert!(loaded.policy.is_some());
}
