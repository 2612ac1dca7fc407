//! The acts: who calls what, in which order.

use std::net::Ipv4Addr;

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Script;
use super::client::{Answer, Call, Credential, Person};
use super::report::Act;
use crate::world::{self, FIRST_CUSTOMER};

/// The key the partner shop had before: no ring knows it any more.
const OLD_KEY: &str = "pck_b2xkLWtleS1vZi10aGUta2VzdHJlbC1kZW1vLXNob3A";

const APP: &str = "KestrelApp/5.2 (Android 16)";
const OLD_APP: &str = "KestrelApp/1.0 (Android 7)";
const SHOP: &str = "HarbourPhones-POS/3.1";
const STRANGER: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36";

/// Customers who open the app in the first act.
const APP_USERS: u32 = 6;

/// Makes one call, counts it and waits a little, as people do.
async fn step(script: &Script, person: &mut Person, act: &mut Act, call: Call) -> anyhow::Result<Answer> {
    let answer = person.call(&call).await?;
    act.count(answer.status);
    tokio::time::sleep(script.pace).await;
    Ok(answer)
}

/// The customer with that place in the list, at home.
fn at_home(script: &Script, place: u32, agent: &'static str) -> Person {
    Person::new(&script.gateway, Ipv4Addr::new(198, 51, 100, (10 + place % 200) as u8), agent)
}

/// Signs in; the customer's id.
async fn sign_in(script: &Script, person: &mut Person, act: &mut Act, place: u32) -> anyhow::Result<u32> {
    let customer = world::customer(place);
    let credentials = json!({ "number": customer.number, "pin": customer.pin });
    let answer = step(script, person, act, Call::post("/v1/sessions", credentials)).await?;
    let token = answer.json().get("token").and_then(Value::as_str).map(str::to_owned);
    person.credential =
        Credential::Token(token.with_context(|| {
            format!("{} could not sign in: the answer was {}", customer.name, answer.status)
        })?);
    Ok(customer.id)
}

pub(super) async fn customers_use_their_app(script: &Script) -> anyhow::Result<Act> {
    let mut act = Act::new("Six customers open their app: plans, usage, invoices.");
    let mut tasks = JoinSet::new();
    for place in 0..APP_USERS {
        let script = script.clone();
        tasks.spawn(async move { one_customer(&script, place).await });
    }
    while let Some(told) = tasks.join_next().await {
        act.add(&told??);
    }
    Ok(act)
}

async fn one_customer(script: &Script, place: u32) -> anyhow::Result<Act> {
    let mut act = Act::default();
    let mut person = at_home(script, place, APP);
    let id = sign_in(script, &mut person, &mut act, place).await?;
    for _ in 0..script.rounds {
        open_app(script, &mut person, &mut act, id).await?;
    }
    Ok(act)
}

async fn open_app(script: &Script, person: &mut Person, act: &mut Act, id: u32) -> anyhow::Result<()> {
    let own = format!("/v1/customers/{id}");
    for path in ["", "/usage", "/sims", "/invoices"] {
        step(script, person, act, Call::get(format!("{own}{path}"))).await?;
    }
    step(script, person, act, Call::get(format!("{own}/invoices/KM-{id}-10.csv"))).await?;
    step(script, person, act, Call::get("/v1/plans")).await?;
    Ok(())
}

pub(super) async fn an_old_app_lives_on(script: &Script) -> anyhow::Result<Act> {
    let mut act =
        Act::new("One customer never updated: the first app asks a deprecated path, and one in no contract.");
    let mut person = at_home(script, 7, OLD_APP);
    let id = sign_in(script, &mut person, &mut act, 7).await?;
    for _ in 0..3 {
        step(script, &mut person, &mut act, Call::get(format!("/v1/customers/{id}/balance"))).await?;
        step(script, &mut person, &mut act, Call::get(format!("/v0/customers/{id}"))).await?;
    }
    Ok(act)
}

pub(super) async fn a_partner_activates_cards(script: &Script) -> anyhow::Result<Act> {
    let mut act = Act::new(
        "A partner shop activates SIM cards with its key, brings numbers over, and once uses its old key.",
    );
    let counter = Ipv4Addr::new(203, 0, 113, 10);
    let key = script.partner_key.clone().unwrap_or_else(|| OLD_KEY.to_owned());
    let mut shop = Person::new(&script.gateway, counter, SHOP).with(Credential::Key(key));
    for place in 0..5 {
        let card = world::iccid(FIRST_CUSTOMER + place, 1);
        step(script, &mut shop, &mut act, Call::post(format!("/v1/sims/{card}/activation"), json!({})))
            .await?;
    }
    for place in 0..2 {
        let porting = json!({ "customerId": FIRST_CUSTOMER + place, "fromNetwork": "Osprey" });
        step(script, &mut shop, &mut act, Call::put(format!("/v1/portings/0770090098{place}"), porting))
            .await?;
    }
    shop.credential = Credential::Key(OLD_KEY.to_owned());
    let card = world::iccid(FIRST_CUSTOMER, 1);
    for _ in 0..2 {
        step(script, &mut shop, &mut act, Call::post(format!("/v1/sims/{card}/activation"), json!({})))
            .await?;
    }
    Ok(act)
}

pub(super) async fn a_customer_helps_themselves(script: &Script) -> anyhow::Result<Act> {
    let mut act =
        Act::new("A signed-in customer has read the app's code and calls what the call centre uses.");
    let mut person = at_home(script, 12, APP);
    let id = sign_in(script, &mut person, &mut act, 12).await?;
    let mut given = 0;
    for _ in 0..3 {
        let call = Call::post(format!("/v1/customers/{id}/credit"), json!({}));
        given += if step(script, &mut person, &mut act, call).await?.ok() { 5 } else { 0 };
    }
    step(script, &mut person, &mut act, Call::get("/v1/internal/export")).await?;
    act.remark(format!("They gave themselves £{given}."));
    Ok(act)
}

pub(super) async fn somebody_guesses_a_pin(script: &Script) -> anyhow::Result<Act> {
    let mut act = Act::new("Somebody knows a number and guesses PINs.");
    let mut person = Person::new(&script.gateway, Ipv4Addr::new(198, 51, 100, 230), APP);
    let number = world::customer(20).number;
    for guess in ["0000", "1234", "1111", "2580", "1212", "7777", "1004", "2000", "4444"] {
        let credentials = json!({ "number": number, "pin": guess });
        step(script, &mut person, &mut act, Call::post("/v1/sessions", credentials)).await?;
    }
    Ok(act)
}

/// Somewhere nobody knows; every stranger from somewhere else.
fn somewhere(turn: u32) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, (66 + turn % 180) as u8)
}

/// A token that says it needs no signature.
const FORGED: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lkLmtlc3RyZWwuZXhhbXBsZSIsImF1ZCI6Imtl\
                      c3RyZWwtYXBpIiwic3ViIjoiMTAwMSIsImV4cCI6NDEwMjQ0NDgwMH0.";

/// The list of plans, asked for with more than a filter.
const INJECTIONS: [&str; 3] = [
    "/v1/plans?network=4G%27%20UNION%20SELECT%20number,%20pin%20FROM%20customers--%20",
    "/v1/plans?network=%3Cscript%3Ealert(document.cookie)%3C/script%3E",
    "/v1/plans?network=..%2F..%2F..%2F..%2Fetc%2Fpasswd",
];

/// A request whose end two servers would see in different places.
const SMUGGLED: &str = "POST /v1/sessions HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 192.0.2.66\r\n\
                        Content-Length: 44\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\
                        GET /v1/internal/export HTTP/1.1\r\nX: ";

pub(super) async fn a_stranger_looks_around(script: &Script) -> anyhow::Result<Act> {
    let mut act =
        Act::new("A stranger looks around: the usual paths, injections, a forged token, a smuggled request.");
    let mut stranger = Person::new(&script.gateway, somewhere(0), STRANGER);
    for path in
        ["/", "/.env", "/wp-login.php", "/admin", "/v1/plans", "/v1/customers/1001", "/v1/debug/config"]
    {
        step(script, &mut stranger, &mut act, Call::get(path)).await?;
    }
    let mut through = 0;
    for path in INJECTIONS {
        through += u32::from(step(script, &mut stranger, &mut act, Call::get(path)).await?.ok());
    }
    stranger.credential = Credential::Token(FORGED.to_owned());
    step(script, &mut stranger, &mut act, Call::get("/v1/customers/1001")).await?;
    act.count(script.gateway.send_raw(SMUGGLED).await?);
    act.remark(match through {
        0 => "None of the three injections reached the API.".to_owned(),
        some => format!("Of the three injections {some} reached the API."),
    });
    Ok(act)
}

pub(super) async fn the_stranger_finds_the_old_version(script: &Script) -> anyhow::Result<Act> {
    let mut act = Act::new("The stranger tries /v0, which answers, and reads customers one after another.");
    walk_old_version(script, &mut act, somewhere(0), 40).await?;
    Ok(act)
}

async fn walk_old_version(script: &Script, act: &mut Act, from: Ipv4Addr, steps: u32) -> anyhow::Result<()> {
    let mut stranger = Person::new(&script.gateway, from, STRANGER);
    let (mut read, mut pins, mut stopped) = (0, 0, None);
    for place in 0..steps {
        let id = FIRST_CUSTOMER + place;
        let answer = step(script, &mut stranger, act, Call::get(format!("/v0/customers/{id}"))).await?;
        if answer.ok() {
            read += 1;
            let pin = answer.json().get("pin").and_then(Value::as_str).map(str::to_owned);
            pins += u32::from(pin.as_deref() == Some(&*world::customer(place).pin));
        } else if stopped.is_none() {
            stopped = Some(answer.status);
        }
    }
    act.remark(format!("They read {read} customers, {pins} of them with their PIN."));
    if let Some(status) = stopped {
        let after = step(script, &mut stranger, act, Call::get("/v1/plans")).await?;
        let plans = if after.ok() {
            "Public paths still answered."
        } else {
            "Even the public list of plans was closed to them then."
        };
        act.remark(format!("Then they got {status}. {plans}"));
    }
    Ok(())
}

/// Somebody opens the app, uses it and puts the telephone away.
pub(super) async fn one_more_customer(script: &Script, turn: u32) -> anyhow::Result<()> {
    let place = 24 + turn % 40;
    let mut act = Act::default();
    let mut person = at_home(script, place, APP);
    let id = sign_in(script, &mut person, &mut act, place).await?;
    open_app(script, &mut person, &mut act, id).await
}

/// Another stranger, who also finds the old version.
pub(super) async fn one_more_stranger(script: &Script, turn: u32) -> anyhow::Result<()> {
    walk_old_version(script, &mut Act::default(), somewhere(1 + turn), 24).await
}
