use portcullis_document::{MemorySources, Style, render};

use crate::load;

const MINIMAL: &str = "
listen: 127.0.0.1:8080
sites:
  shop:
    hosts: shop.example
    upstream: { servers: http://127.0.0.1:9000 }
";

fn check(text: &str) -> String {
    let loaded = load("portcullis.yaml", &MemorySources::new().file("portcullis.yaml", text.to_owned()));
    assert_eq!(
        loaded.policy.is_none(),
        loaded.problems.iter().any(|p| p.severity == portcullis_document::Severity::Error)
    );
    render(&loaded.problems, Style::Plain)
}

#[test]
fn the_smallest_policy_is_enough() {
    assert_eq!(check(MINIMAL), "");
    let loaded = load("conf/p.yaml", &MemorySources::new().file("conf/p.yaml", MINIMAL));
    let policy = loaded.policy.unwrap();
    assert_eq!(policy.archive.unwrap().sqlite.path.path, "conf/data/portcullis.db");
    assert_eq!(loaded.files, ["conf/node.secret", "conf/p.yaml"]);
}
