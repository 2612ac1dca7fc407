//! Limits proposed from the archive.

use crate::harness::{Gateway, SHOP};

const CONTRACT: &str = "openapi: 3.0.3\ninfo: { title: Shop, version: '1' }\npaths:\n  /customers/{id}:\n    \
                        get: { responses: { '200': { description: ok } } }\n";

#[test]
fn what_is_proposed_is_a_policy_that_check_accepts() {
    let gateway = Gateway::start_with_contract(SHOP, CONTRACT);
    for customer in 0..40 {
        assert_eq!(gateway.get(&format!("/customers/{customer}")).0, 200);
    }
    assert_eq!(gateway.get("/rare").0, 200);
    let suggest = ["limits", "suggest", "--since", "1h", "--at-least", "20"];
    let limits = gateway.await_until("all are in the archive", |gateway| {
        let suggested = gateway.json(&suggest).remove(0);
        (suggested["limits"][0]["seen"]["exchanges"] == 40).then(|| suggested["limits"].clone())
    });
    assert_eq!(limits.as_array().map(Vec::len), Some(1), "one was called too rarely: {limits}");
    let seen = &limits[0]["seen"];
    assert_eq!((&seen["operation"], &seen["callers"]), (&"GET /customers/{id}".into(), &1.into()));
    assert_eq!(seen["would_refuse"]["exchanges"], 0);
    let line = limits[0]["line"].as_str().expect("a line");
    gateway.write(
        "stricter.yaml",
        &format!("{SHOP}    limits:\n      {line}\n").replace("UPSTREAM", "http://127.0.0.1:9"),
    );
    let checked = gateway.command(&["check", "-c", "stricter.yaml"]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success() && said.contains("1 limit."), "{said}");
    let told = gateway.command(&["limits", "suggest", "--at-least", "20"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.starts_with("sites:\n") && told.contains(line), "{told}");
}
