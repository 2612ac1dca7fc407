//! TLS towards clients: names, reload, client certificates, versions, and what the engine is told of them.

use crate::stage::{Authority, Files, Leaf, Stage, Versions, get, policy};

/// A stage with one TLS listener; `tls` are further keys of its TLS section.
async fn stage(tls: &str, files: &[(&str, &str)]) -> Stage {
    let listen =
        format!("{{ address: 127.0.0.1:0, tls: {{ certificate: shop.pem, key: shop.key, {tls} }} }}");
    let held = Files::default();
    for (name, text) in files {
        held.lock().insert((*name).to_owned(), (*text).to_owned().into());
    }
    Stage::start(&policy(&listen, ""), held).await
}

async fn with_leaf(leaf: &Leaf, tls: &str, more: &[(&str, &str)]) -> Stage {
    let mut files = vec![("shop.pem", leaf.certificate.as_str()), ("shop.key", leaf.key.as_str())];
    files.extend(more);
    stage(tls, &files).await
}

#[tokio::test]
async fn serves_over_tls_and_tells_what_the_handshake_showed() {
    let authority = Authority::new("tests");
    let stage = with_leaf(&authority.issue(&["shop.example"]), "", &[]).await;
    let mut wire = authority.client().connect(stage.address(), "shop.example").await.unwrap();
    wire.send(get("/secure")).await;
    assert!(wire.read_to_end().await.ends_with("GET /secure 0"));
    let tls = stage.event().await.peer.tls.clone().unwrap();
    assert_eq!((&*tls.version, tls.server_name.as_deref()), ("1.3", Some("shop.example")));
    assert_eq!(tls.alpn.as_deref(), Some("http/1.1"));
    assert!(tls.cipher.starts_with("TLS13_"), "{}", tls.cipher);
    let ja4 = tls.ja4.clone().unwrap();
    assert!(ja4.starts_with("t13d") && ja4.len() == 36, "{ja4}");
    assert_eq!(tls.client_certificate, None);
}

#[tokio::test]
async fn the_certificate_is_chosen_by_the_name_asked_for() {
    let authority = Authority::new("tests");
    let (first, second) = (authority.issue(&["shop.example"]), authority.issue(&["*.shop.example"]));
    let more = "certificates: [{ certificate: wild.pem, key: wild.key }]";
    let stage =
        with_leaf(&first, more, &[("wild.pem", &second.certificate), ("wild.key", &second.key)]).await;
    for (name, served) in [
        ("shop.example", true),
        ("www.shop.example", true),
        ("a.b.shop.example", false),
        ("x.example", false),
    ] {
        let connected = authority.client().connect(stage.address(), name).await;
        assert_eq!(connected.is_ok(), served, "{name}: {:?}", connected.err());
    }
}

#[tokio::test]
async fn a_connection_for_one_site_carries_no_request_to_another() {
    let authority = Authority::new("tests");
    let leaf = authority.issue(&["shop.example", "www.shop.example", "bank.example"]);
    let files = Files::default();
    files.lock().insert("shop.pem".to_owned(), leaf.certificate.clone().into());
    files.lock().insert("shop.key".to_owned(), leaf.key.clone().into());
    let listen = "{ address: 127.0.0.1:0, tls: { certificate: shop.pem, key: shop.key } }";
    let bank = "  bank: { hosts: [bank.example], filter: off, upstream: { servers: [UPSTREAM] } }\n";
    let stage = Stage::start(&format!("{}{bank}", policy(listen, "")), files).await;
    for (host, status) in [("www.shop.example", "200"), ("bank.example", "421")] {
        let mut wire = authority.client().connect(stage.address(), "shop.example").await.unwrap();
        wire.send(get("/").replace("shop.example", host)).await;
        let answer = wire.read_to_end().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
        let codes: Vec<_> = stage.event().await.reasons.iter().map(|reason| reason.code.clone()).collect();
        assert_eq!(codes.contains(&"locate.misdirected".into()), status == "421", "{host}: {codes:?}");
    }
    assert_eq!(stage.upstream.seen().len(), 1);
}

#[tokio::test]
async fn a_reload_takes_new_certificates_and_keeps_old_connections() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let leaf = old.issue(&["shop.example"]);
    let stage = with_leaf(&leaf, "", &[]).await;
    let address = stage.address();
    let mut before = old.client().connect(address, "shop.example").await.unwrap();
    let renewed = new.issue(&["shop.example"]);
    stage.write("shop.pem", renewed.certificate);
    let listen = "{ address: 127.0.0.1:0, tls: { certificate: shop.pem, key: shop.key } }";
    // The certificate has changed and its key has not: nothing is taken.
    let snapshot = stage.compiled(&policy(listen, ""));
    let refused = stage.gateway.reload(snapshot.clone()).unwrap_err();
    assert!(refused.to_string().contains("do not go together"), "{refused}");
    assert!(old.client().connect(address, "shop.example").await.is_ok());
    stage.write("shop.key", renewed.key);
    stage.gateway.reload(snapshot).unwrap();
    assert_eq!(stage.address(), address);
    assert!(new.client().connect(address, "shop.example").await.is_ok());
    assert!(old.client().connect(address, "shop.example").await.is_err());
    before.send(get("/before")).await;
    assert!(before.read_to_end().await.ends_with("GET /before 0"));
}

#[tokio::test]
async fn a_client_certificate_is_verified_and_its_names_are_read() {
    let (authority, partners) = (Authority::new("tests"), Authority::new("partners"));
    let leaf = authority.issue(&["shop.example"]);
    for (asked, without) in [("optional", true), ("required", false)] {
        let tls = format!("client_ca: partners.pem, client_certificates: {asked}");
        let stage = with_leaf(&leaf, &tls, &[("partners.pem", &partners.pem())]).await;
        let shown = authority.client().showing(partners.issue(&["acme.example"]));
        let mut wire = shown.connect(stage.address(), "shop.example").await.unwrap();
        wire.send(get("/partner")).await;
        assert!(wire.read_to_end().await.ends_with("GET /partner 0"));
        let certificate = stage.event().await.peer.tls.clone().unwrap().client_certificate.unwrap();
        assert_eq!(certificate.common_name.as_deref(), Some("acme.example"));
        assert_eq!(certificate.dns_names, ["acme.example"]);
        assert_eq!(certificate.uris, ["spiffe://tests/acme.example"]);
        assert_eq!(certificate.fingerprint.len(), 64);
        assert_eq!(answered(&authority.client(), &stage).await, without, "{asked}: without a certificate");
        let stranger = authority.client().showing(authority.issue(&["acme.example"]));
        assert!(!answered(&stranger, &stage).await, "{asked}: with a certificate of another authority");
    }
}

#[tokio::test]
async fn a_client_certificate_on_a_revocation_list_opens_nothing_from_the_reload_on() {
    let (authority, partners) = (Authority::new("tests"), Authority::new("partners"));
    let leaf = authority.issue(&["shop.example"]);
    let tls = "client_ca: partners.pem, client_crl: revoked.pem, client_certificates: required";
    let nobody = partners.revoke(&[]);
    let stage = with_leaf(&leaf, tls, &[("partners.pem", &partners.pem()), ("revoked.pem", &nobody)]).await;
    let lost = || authority.client().showing(partners.issue_numbered(&["lost.example"], Some(7)));
    let kept = || authority.client().showing(partners.issue_numbered(&["kept.example"], Some(8)));
    assert!(answered(&lost(), &stage).await && answered(&kept(), &stage).await);
    let listen =
        format!("{{ address: 127.0.0.1:0, tls: {{ certificate: shop.pem, key: shop.key, {tls} }} }}");
    let reload = || stage.gateway.reload(stage.compiled(&policy(&listen, "")));
    stage.write("revoked.pem", partners.revoke(&[7]));
    reload().unwrap();
    assert!(!answered(&lost(), &stage).await, "it was taken back");
    assert!(answered(&kept(), &stage).await, "another was not");
    // A list that cannot be read changes nothing, and says so.
    stage.write("revoked.pem", "nothing".to_owned());
    let refused = reload().unwrap_err().to_string();
    assert!(refused.contains("revoked.pem has no certificate revocation list"), "{refused}");
    assert!(!answered(&lost(), &stage).await && answered(&kept(), &stage).await);
    // Of an authority without a list nothing is known, so none of its certificates counts.
    stage.write("revoked.pem", authority.revoke(&[]));
    reload().unwrap();
    assert!(!answered(&kept(), &stage).await, "the list is of another authority");
}

/// Whether a request over this connection is answered; in TLS 1.3 a client learns of its refusal only then.
async fn answered(dial: &crate::stage::Dial, stage: &Stage) -> bool {
    let Ok(mut wire) = dial.connect(stage.address(), "shop.example").await else { return false };
    wire.send(get("/")).await;
    wire.read_to_end().await.starts_with("HTTP/1.1 200 ")
}

#[tokio::test]
async fn the_oldest_version_is_the_policys() {
    let authority = Authority::new("tests");
    let leaf = authority.issue(&["shop.example"]);
    let old = || authority.client().speaking(Versions::Only12);
    assert!(answered(&old(), &with_leaf(&leaf, "", &[]).await).await);
    assert!(!answered(&old(), &with_leaf(&leaf, "min_version: '1.3'", &[]).await).await);
    assert!(answered(&old(), &with_leaf(&leaf, "profile: intermediate", &[]).await).await);
    assert!(!answered(&old(), &with_leaf(&leaf, "profile: modern", &[]).await).await);
    assert!(answered(&authority.client(), &with_leaf(&leaf, "profile: modern", &[]).await).await);
}

#[tokio::test]
async fn a_client_that_does_not_shake_hands_is_dropped_in_time() {
    let authority = Authority::new("tests");
    let leaf = authority.issue(&["shop.example"]);
    let files = Files::default();
    files.lock().insert("shop.pem".to_owned(), leaf.certificate.into());
    files.lock().insert("shop.key".to_owned(), leaf.key.into());
    let listen = "{ address: 127.0.0.1:0, tls: { certificate: shop.pem, key: shop.key } }";
    let stage = Stage::start(&policy(listen, "connections: { handshake_timeout: 100ms }"), files).await;
    let failed =
        |why| format!("portcullis_handshakes_failed_total{{listener=\"127.0.0.1:0\",why=\"{why}\"}}");
    let mut silent = crate::stage::plain(stage.address()).await;
    assert_eq!(silent.read_to_end().await, "");
    stage.metric_becomes(&failed("timeout"), "1").await;
    let mut clear = crate::stage::plain(stage.address()).await;
    clear.send(get("/")).await;
    assert!(!clear.read_to_end().await.contains("HTTP/1.1 200"));
    stage.metric_becomes(&failed("refused"), "1").await;
    assert_eq!(stage.upstream.bytes(), 0);
}
