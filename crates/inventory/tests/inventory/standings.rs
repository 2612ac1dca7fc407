//! Standings, postures and risks of small inventories, with and without a contract.

use portcullis_contract::{Contract, Purpose, load};
use portcullis_document::MemorySources;
use portcullis_inventory::{Assessment, Examples, Fold, Inventory, Level, Limits, Posture, Standing};
use portcullis_model::data_class::{Confidence, DataClass, DataPlace, FieldData};
use portcullis_model::observation::{Credential, Farewell, Observation, Shape};
use portcullis_model::{EventId, Timestamp};
use smol_str::SmolStr;

use crate::traffic::{KEY, fold, observation};

const CONTRACT: &str = "
openapi: 3.1.0
info: { title: Shop, version: '1' }
security: [{ token: [] }]
paths:
  /v1/orders/{orderId}:
    get:
      parameters: [{ name: expand, in: query }, { name: tenant, in: header, required: true }]
      responses:
        200:
          description: One
          content:
            application/json:
              schema: { $ref: '#/components/schemas/Order' }
  /v1/carts:
    get: { deprecated: true, responses: { 200: { description: All } } }
  /v1/returns:
    get: { responses: { 200: { description: All } } }
components:
  securitySchemes: { token: { type: http, scheme: bearer } }
  schemas:
    Order:
      properties:
        id: { type: integer }
        total: { type: integer }
        lines: { type: array, items: { properties: { sku: { type: string } } } }
";

const NOW: Timestamp = Timestamp::from_secs(1_000_000_000);

fn contract() -> Contract {
    let sources = MemorySources::new().file("openapi.yaml", CONTRACT);
    load("shop", &["openapi.yaml"], Purpose::Check, &sources).contract.expect("a contract")
}

/// An answered exchange shortly before now.
fn call(method: &str, path: &str, contract: Option<&Contract>) -> Observation {
    let mut call = observation(method, path, 200, &["id", "total", "state"], NOW.as_secs() - 60);
    call.proof = None;
    call.calls = Vec::new();
    call.data = Vec::new();
    call.credentials = vec![Credential::Scheme("bearer".into())];
    let segments: Vec<String> = path.trim_start_matches('/').split('/').map(str::to_owned).collect();
    let method = method.parse().expect("a method");
    if let Some(portcullis_contract::Found::Operation(operation, _)) =
        contract.map(|contract| contract.find(&method, &segments))
    {
        call.operation = Some(operation.id.clone());
    }
    call
}

fn assess(calls: &[Observation], contract: Option<&Contract>) -> Vec<Assessment> {
    Inventory::of(&fold(calls), contract).assess(contract, NOW)
}

fn of<'a>(all: &'a [Assessment], name: &str) -> &'a Assessment {
    all.iter().find(|one| format!("{} {}", one.method, one.path) == name).expect(name)
}

#[test]
fn sensitive_data_counts_more_for_callers_who_do_not_say_who_they_are() {
    let level = |class: Option<DataClass>, credentials: &[Credential]| {
        let mut call = call("GET", "/v1/people", None);
        call.credentials = credentials.to_vec();
        call.data = class.into_iter().map(|class| mail(class, Confidence::Sure)).collect();
        let inventory = Inventory::of(&fold(&[call]), None);
        let [assessment] = inventory.assess(None, NOW).try_into().expect("one operation");
        (assessment.risk.level, assessment.risk.reasons)
    };
    let bearer = [Credential::Scheme("bearer".into())];
    assert_eq!(level(None, &bearer), (Level::Low, vec![]));
    let (known, reasons) = level(Some(DataClass::Email), &bearer);
    assert_eq!(
        (known, reasons.as_slice()),
        (Level::Low, &["its answers carry sensitive data: email".to_owned()][..])
    );
    assert_eq!(level(Some(DataClass::PaymentCard), &bearer).0, Level::Medium);
    let (unknown, reasons) = level(Some(DataClass::PaymentCard), &[]);
    assert_eq!(unknown, Level::High);
    assert!(reasons[0].ends_with("to callers who do not say who they are: payment_card"), "{reasons:?}");
}

fn mail(class: DataClass, confidence: Confidence) -> FieldData {
    FieldData { place: DataPlace::ResponseBody, field: "items[].contact".into(), class, confidence, count: 2 }
}

#[test]
fn a_name_alone_is_kept_and_weighs_nothing() {
    let mut call = call("GET", "/v1/people", None);
    call.credentials = vec![Credential::Scheme("bearer".into())];
    call.data = vec![mail(DataClass::Secret, Confidence::Named)];
    let inventory = Inventory::of(&fold(&[call]), None);
    assert_eq!(inventory.operations[0].facts.data.fields().count(), 1);
    assert!(inventory.operations[0].facts.data.classes().is_empty());
    assert_eq!(inventory.assess(None, NOW)[0].risk.level, Level::Low);
}

#[test]
fn standings_against_a_contract() {
    let contract = contract();
    let calls = ["/v1/orders/17", "/v1/carts", "/v1/hidden"].map(|path| call("GET", path, Some(&contract)));
    let all = assess(&calls, Some(&contract));
    for (name, standing) in [
        ("GET /v1/orders/{orderId}", Standing::Documented),
        ("GET /v1/carts", Standing::Zombie),
        ("GET /v1/hidden", Standing::Shadow),
        ("GET /v1/returns", Standing::Dormant),
    ] {
        assert_eq!(of(&all, name).standing, Some(standing), "{name}");
        assert!(!of(&all, name).why.is_empty(), "{name}");
    }
    assert_eq!(of(&all, "GET /v1/hidden").since, Some(Timestamp::from_secs(NOW.as_secs() - 60)));
    assert_eq!(all.len(), 4);
}

#[test]
fn what_was_declared_once_and_is_called_still_is_a_zombie() {
    let contract = contract();
    let mut retired = call("GET", "/v1/old", None);
    retired.operation = Some(portcullis_model::OperationId::new("0123456789abcdef"));
    let all = assess(&[retired], Some(&contract));
    assert_eq!(of(&all, "GET /v1/old").standing, Some(Standing::Zombie));
}

#[test]
fn what_nobody_called_for_long_is_dormant_again() {
    let contract = contract();
    let mut old = call("GET", "/v1/orders/17", Some(&contract));
    old.time = Timestamp::from_secs(NOW.as_secs() - 100 * 86_400);
    let all = assess(&[old], Some(&contract));
    assert_eq!(of(&all, "GET /v1/orders/{orderId}").standing, Some(Standing::Dormant));
}

#[test]
fn an_older_version_beside_a_newer_one_is_a_zombie_also_without_a_contract() {
    let all = assess(
        &[
            call("GET", "/v1/users/7", None),
            call("GET", "/v2/users/8", None),
            call("GET", "/v1/teams/8", None),
        ],
        None,
    );
    let old = of(&all, "GET /v1/users/{userId}");
    assert_eq!(old.standing, Some(Standing::Zombie));
    assert!(old.why[0].contains("/v2/users/{userId}"), "{:?}", old.why);
    assert_eq!(of(&all, "GET /v2/users/{userId}").standing, None);
    assert_eq!(of(&all, "GET /v1/teams/{teamId}").standing, None);
}

#[test]
fn answers_that_announce_their_end() {
    let mut dying = call("GET", "/v1/reports", None);
    let sunset = Timestamp::from_secs(NOW.as_secs() - 10);
    dying.farewell = Some(Farewell { deprecated: None, sunset: Some(sunset) });
    let all = assess(&[dying], None);
    assert_eq!(of(&all, "GET /v1/reports").standing, Some(Standing::Zombie));
    assert_eq!(of(&all, "GET /v1/reports").since, Some(sunset));
}

#[test]
fn postures_and_when_they_changed() {
    let at = |seconds: i64, credentials: &[&str]| {
        let mut call = call("GET", "/a", None);
        call.time = Timestamp::from_secs(seconds);
        call.credentials = credentials.iter().map(|name| Credential::Scheme(SmolStr::new(name))).collect();
        call
    };
    for (calls, posture, since) in [
        (vec![at(5, &["bearer"]), at(9, &["bearer"])], Posture::Always, 5),
        (vec![at(5, &["bearer"]), at(9, &[])], Posture::Sometimes, 9),
        (vec![at(5, &[]), at(9, &[])], Posture::Never, 5),
    ] {
        let all = assess(&calls, None);
        assert_eq!(all[0].authenticated, Some(posture));
        assert_eq!(all[0].authenticated_since, Some(Timestamp::from_secs(since)));
    }
}

#[test]
fn risks_come_with_their_reasons() {
    let contract = contract();
    let mut open = call("GET", "/v1/orders/17", Some(&contract));
    open.credentials = Vec::new();
    let mut shadow = call("DELETE", "/v1/internal/users/17", Some(&contract));
    shadow.credentials = Vec::new();
    let safe = call("GET", "/v1/carts", Some(&contract));
    let all = assess(&[open, shadow, safe], Some(&contract));
    let check = |name: &str, level: Level, reason: &str| {
        let risk = &of(&all, name).risk;
        assert_eq!(risk.level, level, "{name}: {:?}", risk.reasons);
        assert!(risk.reasons.iter().any(|one| one.contains(reason)), "{name}: {:?}", risk.reasons);
    };
    check("GET /v1/orders/{orderId}", Level::High, "1 of 1 exchanges were answered without the credential");
    check("DELETE /v1/internal/users/{userId}", Level::Critical, "its path says `internal`");
    check("GET /v1/carts", Level::Medium, "should not be called any more");
    assert_eq!(of(&all, "GET /v1/returns").risk.level, Level::Low);
}

#[test]
fn traffic_and_contract_drift_apart() {
    let contract = contract();
    let mut calls: Vec<Observation> =
        (0..120).map(|_| call("GET", "/v1/orders/17", Some(&contract))).collect();
    calls[0].status = 418;
    let all = assess(&calls, Some(&contract));
    let drift = &of(&all, "GET /v1/orders/{orderId}").drift;
    let told: Vec<String> = drift.iter().map(|one| format!("{}: {}", one.place, one.kind.as_str())).collect();
    assert_eq!(
        told,
        [
            "query.sort: not declared",
            "response.200.body.state: not declared",
            "response.418: not declared",
            "headers.tenant: declared as required and left out",
            "query.expand: declared and never seen",
            "response.200.body.lines: declared and never seen",
        ]
    );
    let few = assess(&calls[1..5], Some(&contract));
    let kinds = of(&few, "GET /v1/orders/{orderId}").drift.iter().map(|one| one.kind);
    assert!(kinds.max() < Some(portcullis_inventory::DriftKind::NeverSeen), "a few calls leave much unseen");
}

#[test]
fn an_answer_declared_without_content_leaves_its_body_open() {
    let contract = contract();
    let all = assess(&[call("GET", "/v1/returns", Some(&contract))], Some(&contract));
    let drift = &of(&all, "GET /v1/returns").drift;
    assert_eq!(drift.iter().map(|one| one.place.as_str()).collect::<Vec<_>>(), ["query.sort"]);
}

#[test]
fn what_only_a_former_version_declares_is_a_zombie_from_its_first_call() {
    let sources = MemorySources::new()
        .file("now.yaml", CONTRACT)
        .file("then.yaml", "openapi: 3.1.0\npaths: { '/v1/baskets/{basketId}': { get: {} } }");
    let versions = portcullis_contract::Versions { current: &["now.yaml"], former: &["then.yaml"] };
    let loaded = portcullis_contract::load_versions("shop", versions, Purpose::Find, &sources);
    let contract = loaded.contract.expect("a contract");
    let call = call("GET", "/v1/baskets/17", Some(&contract));
    let all = assess(&[call], Some(&contract));
    let basket = all.iter().find(|one| one.path.starts_with("/v1/baskets/")).expect("learned");
    assert_eq!(basket.standing, Some(Standing::Zombie), "{:?}", basket.why);
    assert_eq!(basket.why, ["the contract declared it once and does not any more"]);
}

#[test]
fn a_difference_has_its_latest_example_in_any_order() {
    let contract = contract();
    let call = |second: i64, query: &str| {
        let mut call = call("GET", "/v1/orders/7", Some(&contract));
        call.time = Timestamp::from_secs(NOW.as_secs() - second);
        call.id = EventId::new(call.time, second.unsigned_abs().into());
        call.query = vec![(query.into(), Shape::Bool)];
        call
    };
    let calls = [call(9, "debug"), call(5, "debug"), call(3, "expand"), call(7, "debug")];
    let example = |order: &[&Observation]| {
        let mut fold = fold(order.iter().copied());
        for call in order {
            fold.exemplify(Examples::of(call, &contract));
        }
        let kept = Fold::from_bytes(&fold.to_bytes(), KEY, Limits::default()).expect("our own bytes");
        assert_eq!(kept, fold);
        let all = Inventory::of(&kept, Some(&contract)).assess(Some(&contract), NOW);
        let drift =
            of(&all, "GET /v1/orders/{orderId}").drift.iter().find(|drift| drift.place == "query.debug");
        drift.expect("a difference").example.expect("an example").event
    };
    let [a, b, c, d] = &calls;
    assert_eq!(example(&[a, b, c, d]), b.id);
    assert_eq!(example(&[d, c, b, a]), b.id);
}
