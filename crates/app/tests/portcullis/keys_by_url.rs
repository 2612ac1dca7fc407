//! Key sets of issuers on the network: found, fetched, rotated, and gone.

use std::process::Output;

use crate::harness::Gateway;
use crate::issuer::{Issuer, Speech, get_with};

fn policy(jwt: &str) -> String {
    format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\n\
         identity: {{ customers: {{ jwt: {jwt} }} }}\n\
         sites: {{ s: {{ hosts: [\"*\"], upstream: {{ servers: [UPSTREAM] }}, require: [customers] }} }}\n"
    )
}

/// What a command said, its lines made one.
fn told(output: &Output) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(text)
        .expect("text")
        .split_whitespace()
        .filter(|word| *word != "│")
        .collect::<Vec<_>>()
        .join(" ")
}

fn await_status(gateway: &Gateway, token: &str, status: u16) {
    let what = format!("a token comes to {status}");
    gateway.await_until(&what, |gateway| (get_with(gateway.address(), token) == status).then_some(()));
}

#[test]
fn an_issuer_that_is_a_url_is_enough_by_its_own_authority() {
    let issuer = Issuer::start(&Speech::Private, &["first"]);
    let url = &issuer.url;
    let mut gateway = Gateway::prepare(&policy(&format!(
        "{{ issuer: \"{url}\", audience: shop, fetch: {{ ca: ca.pem }} }}"
    )));
    gateway.write("ca.pem", &issuer.authority);
    let checked = gateway.command(&["check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    gateway.run();
    assert_eq!(get_with(gateway.address(), &issuer.token("first")), 200);
    assert_eq!(get_with(gateway.address(), &issuer.token("another")), 401);
}

#[test]
fn a_server_whose_certificate_nobody_vouches_for_gives_no_keys() {
    let issuer = Issuer::start(&Speech::Private, &["first"]);
    let url = &issuer.url;
    let gateway = Gateway::start(&policy(&format!("{{ issuer: \"{url}\", audience: shop }}")));
    assert_eq!(get_with(gateway.address(), &issuer.token("first")), 401);
    let told = told(&gateway.command(&["check"]));
    assert!(told.contains("none of these tokens passes") && told.contains("UnknownIssuer"), "{told}");
}

#[test]
fn a_configuration_of_another_issuer_gives_no_keys() {
    let issuer = Issuer::start(&Speech::Plain, &["first"]);
    issuer.call_itself("http://localhost:1");
    let url = &issuer.url;
    let gateway = Gateway::start(&policy(&format!("{{ issuer: \"{url}\", audience: shop }}")));
    assert_eq!(get_with(gateway.address(), &issuer.token("first")), 401);
    let told = told(&gateway.command(&["check"]));
    assert!(told.contains("it is of another issuer"), "{told}");
}

#[test]
fn a_token_with_a_new_key_has_the_keys_asked_for_again_but_not_each_time() {
    let issuer = Issuer::start(&Speech::Plain, &["first"]);
    let url = &issuer.url;
    let jwt = |wait| {
        policy(&format!(
            "{{ issuer: \"{url}\", jwks: \"{url}/jwks\", audience: shop, fetch: {{ unknown_key: {wait} }} }}"
        ))
    };
    let gateway = Gateway::start(&jwt("1s"));
    assert_eq!(get_with(gateway.address(), &issuer.token("first")), 200);
    issuer.rotate(&["second"]);
    await_status(&gateway, &issuer.token("second"), 200);
    assert_eq!(get_with(gateway.address(), &issuer.token("first")), 401, "a key that was withdrawn");
    // Beyond the wait it takes an hour until they are asked for again, whatever strangers show.
    gateway.write_policy(&jwt("1h"));
    let before = issuer.asked();
    for _ in 0..20 {
        assert_eq!(get_with(gateway.address(), &issuer.token("stranger")), 401);
    }
    assert!(issuer.asked() <= before + 1, "{} to {}", before, issuer.asked());
}

#[test]
fn keys_outlive_their_issuer_as_long_as_policy_says() {
    let issuer = Issuer::start(&Speech::Plain, &["first"]);
    let (url, token) = (&issuer.url, issuer.token("first"));
    let jwt = |keep| {
        policy(&format!(
            "{{ issuer: \"{url}\", jwks: \"{url}/jwks\", audience: shop, fetch: {{ refresh: 1s, keep: {keep} }} }}"
        ))
    };
    let mut gateway = Gateway::start(&jwt("1h"));
    assert_eq!(get_with(gateway.address(), &token), 200);
    gateway.await_until("it is asked whether they changed", |_| (issuer.unchanged() > 0).then_some(()));
    issuer.answer(503);
    // Also over a restart.
    gateway.kill();
    gateway.run();
    let asked = issuer.asked();
    gateway.await_until("it was asked in vain", |_| (issuer.asked() > asked).then_some(()));
    assert_eq!(get_with(gateway.address(), &token), 200);
    gateway.write_policy(&jwt("2s"));
    await_status(&gateway, &token, 401);
    issuer.answer(200);
    await_status(&gateway, &token, 200);
}
