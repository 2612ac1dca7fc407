//! Values that are of a class and values that only look so; and that no input makes it slow or fall over.

use portcullis_model::data_class::Confidence::{Likely, Named, Sure};
use portcullis_model::data_class::DataClass::{Email, Iban, PaymentCard, Phone, Secret, UsSsn};
use portcullis_model::data_class::{Confidence, DataClass, DataPlace};
use portcullis_wire::body::{Budget, parse};
use portcullis_wire::fields::MediaType;
use proptest::prelude::*;

use super::*;

fn look(name: &str, value: &str) -> Vec<(DataClass, Confidence)> {
    classify(Hint::of(name), Written::Text, value).iter().collect()
}

#[track_caller]
fn is(class: DataClass, confidence: Confidence, cases: &[(&str, &str)]) {
    for (name, value) in cases {
        assert_eq!(look(name, value), [(class, confidence)], "{name}: {value}");
    }
}

#[track_caller]
fn is_none(cases: &[(&str, &str)]) {
    let found = cases.iter().filter(|(name, value)| !look(name, value).is_empty());
    assert_eq!(found.collect::<Vec<_>>(), Vec::<&(&str, &str)>::new());
}

#[test]
fn what_stands_behind_a_long_word_is_found() {
    for length in 0..300 {
        let word = "x1_\u{e9}".chars().cycle().take(length).collect::<String>();
        let key = "AKIAIOSFODNN7EXAMPLE";
        assert_eq!(look("note", &format!("{word} {key}")), [(Secret, Sure)], "{length}");
        let within = format!("{word}x{key}");
        assert_eq!(look("note", &within), [], "{length}");
    }
}

#[test]
fn email() {
    is(
        Email,
        Sure,
        &[
            ("contact", "anna.schmidt@example.com"),
            ("note", "write to <bob+shop@mail.example.co.uk>, please."),
            ("", "o'hara@firma.de"),
            ("note", "mailto:jörg@bücher.example"),
            ("x", "a@b.io"),
        ],
    );
    is(Email, Named, &[("email", "unknown"), ("emailAddress", "anna at example"), ("customerEmails", "-/-")]);
    is_none(&[
        ("src", "logo@2x.png"),
        ("dependency", "@scope/package@1.2.3"),
        ("remote", "git@github.com:acme/shop.git"),
        ("x", "user@localhost"),
        ("x", "a@@b.com"),
        ("handle", "@anna"),
        ("emailVerified", "yes, since May"),
        ("x", "@media screen and (max-width: 10.5em)"),
        ("x", ".a@.b.c"),
        ("email", "****@****.***"),
    ]);
}

#[test]
fn phone() {
    is(
        Phone,
        Sure,
        &[
            ("contact", "+49 30 901820"),
            ("x", "call +1 (212) 555-0143 now"),
            ("x", "+4915112345678"),
            ("phone", "030 901820"),
            ("mobileNumber", "0171/1234567"),
            ("telephone", "2125550143"),
            ("msisdn", "4915112345678"),
        ],
    );
    is(Phone, Likely, &[("x", "212-555-0143"), ("note", "(212) 555-0143"), ("x", "1-212-555-0143")]);
    is(Phone, Named, &[("phone", "none given"), ("fax", "12")]);
    is_none(&[
        ("createdAt", "1700000000000"),
        ("created", "2024-01-15T10:00:00+01:00"),
        ("time", "2024-01-15 10:00:00"),
        ("version", "10.15.7"),
        ("ip", "192.168.10.12"),
        ("price", "1,234,567.89"),
        ("latitude", "+52.5200081"),
        ("id", "2125550143"),
        ("orderId", "212-555-0143"),
        ("x", "550e8400-e29b-41d4-a716-446655440000"),
        ("x", "12345678-1234-1234-1234-123456789012"),
        ("offset", "+0100"),
        ("x", "+123456789012345678"),
        ("range", "100-200-3000"),
        ("x", "sha256:9f86d081884c7d659a2feaa0c55ad015"),
        ("phoneType", "mobile"),
        ("url", "https://shop.example/orders/212-555-0143"),
    ]);
}

#[test]
fn payment_card() {
    is(
        PaymentCard,
        Sure,
        &[
            ("x", "4111 1111 1111 1111"),
            ("note", "paid with 5555-5555-5555-4444."),
            ("cardNumber", "4111111111111111"),
            ("pan", "378282246310005"),
            ("x", "3782 822463 10005"),
            ("credit_card", "6011111111111117"),
        ],
    );
    is(
        PaymentCard,
        Likely,
        &[
            ("x", "4111111111111111"),
            ("value", "2223003122003222"),
            ("x", "30569309025904"),
            ("x", "4111 1111 1111 1111 12/27"),
        ],
    );
    is(PaymentCard, Named, &[("cardNumber", "ends with 1111"), ("card_no", "4111111111111112")]);
    is_none(&[
        ("x", "4111111111111112"),
        ("id", "4111111111111111"),
        ("orderNumber", "4111111111111111"),
        ("tracking_number", "4111111111111111"),
        ("timestamp", "1700000000000000"),
        ("x", "1700000000000000000"),
        ("x", "0000000000000000"),
        ("x", "4000 0000 0000 0000"),
        ("isbn", "9783161484100"),
        ("x", "a4111111111111111"),
        ("x", "4111111111111111ff"),
        ("url", "https://shop.example/items/4111111111111111"),
        ("x", "41111111.11111111"),
        ("cardType", "visa"),
        ("cardNumber", "************1111"),
        ("years", "2024 2025 2026 2027"),
    ]);
}

#[test]
fn iban() {
    is(
        Iban,
        Sure,
        &[
            ("x", "DE89370400440532013000"),
            ("x", "GB29 NWBK 6016 1331 9268 19"),
            ("note", "to NL91ABNA0417164300, thanks"),
            ("iban", "FR1420041010050500013M02606"),
        ],
    );
    is(Iban, Named, &[("iban", "DE89370400440532013001"), ("accountIban", "pending")]);
    is_none(&[
        ("x", "DE89370400440532013001"),
        ("x", "DE8937040044053201300"),
        ("x", "XX89370400440532013000"),
        ("x", "DE89370400440532013000A"),
        ("x", "de89370400440532013000"),
        ("x", "PART-DE89"),
    ]);
}

#[test]
fn us_ssn() {
    is(UsSsn, Sure, &[("ssn", "078051120"), ("ssn", "078-05-1120"), ("socialSecurityNumber", "219-09-9999")]);
    is(UsSsn, Likely, &[("x", "219-09-9999"), ("note", "ssn is 219 09 9999.")]);
    is(UsSsn, Named, &[("ssn", "on file")]);
    is_none(&[
        ("x", "000-12-3456"),
        ("x", "666-12-3456"),
        ("x", "900-12-3456"),
        ("x", "123-00-4567"),
        ("x", "123-45-0000"),
        ("x", "219099999"),
        ("id", "219-09-9999"),
        ("x", "219-09-99991"),
        ("x", "1219-09-9999"),
        ("x", "219-09 9999"),
    ]);
}

#[test]
fn secret() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJlLW9mLWl0";
    is(
        Secret,
        Sure,
        &[
            ("x", jwt),
            ("url", &format!("https://shop.example/reset/{jwt}")),
            ("x", "AKIAIOSFODNN7EXAMPLE"),
            ("log", "used token=ghp_16C7e42F292c6912E7710c838347Ae178B4a today"),
            ("pem", "-----BEGIN RSA PRIVATE KEY-----\nMIIEow"),
            ("dsn", "postgres://app:hunter2@db.internal/shop"),
            ("apiKey", "f3A9c2d17b6e4580"),
            ("client_secret", "Zk3v0Qm1xT8pLr5W"),
            ("access_token", "2YotnFZFEjr1zCsicMWpAA"),
        ],
    );
    is(Secret, Likely, &[("password", "hunter2"), ("passwordHash", "none of your business")]);
    is(Secret, Named, &[("token", "Bearer"), ("secret", "of the old house")]);
    is_none(&[
        ("x", "f3A9c2d17b6e4580f3A9c2d17b6e4580"),
        ("etag", "W/\"33a64df551425fcc55e4d42a148795d9f25f89d4\""),
        ("nextPageToken", "CAoQAA2YotnFZFEjr1zCs"),
        ("token_type", "Bearer"),
        ("password", "********"),
        ("apiKey", "[redacted]"),
        ("x", "eyJ is how they begin"),
        ("x", "-----BEGIN PUBLIC KEY-----\nMIIEow"),
        ("url", "https://shop.example:8443/a@b"),
        ("x", "AKIA is too short"),
        ("tokenExpiresIn", "3600 seconds"),
    ]);
}

/// What shops, warehouses and machines write down every day.
#[test]
fn lookalikes_are_of_no_class() {
    is_none(&[
        ("confirmationNumber", "4539578763621486"),
        ("bookingCode", "5425233430109903"),
        ("barcode", "4006381333931"),
        ("ean", "4012345678901"),
        ("x", "4026600000001"),
        ("deviceImei", "378282246310005"),
        ("partNumber", "219-09-9999"),
        ("articleNo", "212-555-0143"),
        ("x", "1Z999AA10123456784"),
        ("x", "9400111899223100001234"),
        ("snowflake", "1541815603606036480"),
        ("x", "20260115100000"),
        ("x", "2026-01-15T10:00:00.123456789Z"),
        ("zip", "12345-6789"),
        ("x", "12-31-2026"),
        ("hours", "09:00-17:00"),
        ("position", "52.5200,13.4050"),
        ("isbn10", "0-306-40615-2"),
        ("x", "550E8400E29B41D4A716446655440000"),
        ("x", "lodash@4.17.21"),
        ("image", "registry.example/shop@sha256:9f86d081884c7d65"),
        ("x", "2001:db8:85a3::8a2e:370:7334"),
        ("mac", "00-1B-44-11-3A-B7"),
        ("x", "10.0.0.0/8"),
        ("cron", "0 4 * * 1-5"),
        ("change", "+12.5"),
        ("x", "SKU-4111-1111-1111-1111"),
    ]);
}

#[test]
fn numbers_need_a_name_to_be_anything() {
    let number = |name: &str, value: &str| -> Vec<_> {
        classify(Hint::of(name), Written::Number, value).iter().collect()
    };
    assert_eq!(number("pan", "4111111111111111"), [(PaymentCard, Sure)]);
    assert_eq!(number("phone", "4915112345678"), [(Phone, Sure)]);
    assert_eq!(number("ssn", "219099999"), [(UsSsn, Sure)]);
    for (name, value) in
        [("x", "4111111111111111"), ("x", "2125550143"), ("tokens", "512000"), ("x", "-12.5e10")]
    {
        assert_eq!(number(name, value), [], "{name}: {value}");
    }
}

#[test]
fn free_text_can_be_of_several_classes() {
    let text = "Anna (anna@example.com, +49 30 901820) paid from DE89 3704 0044 0532 0130 00 with 4111 1111 1111 1111";
    assert_eq!(look("note", text), [(Email, Sure), (Phone, Sure), (PaymentCard, Sure), (Iban, Sure)]);
}

fn found(media_type: &str, body: &str) -> Vec<String> {
    let body =
        parse(&body.to_owned().into(), MediaType::parse(media_type.as_bytes()).as_ref(), &Budget::default());
    let mut found = Found::default();
    found.look_over(DataPlace::ResponseBody, &body.tree);
    let one = |field: &portcullis_model::data_class::FieldData| {
        format!("{} {} {:?} {}", field.field, field.class.as_str(), field.confidence, field.count)
    };
    found.fields().iter().map(one).collect()
}

#[test]
fn bodies_are_told_by_field() {
    let json = r#"{"customers":[{"id":1,"email":"a@b.example","emailVerified":true},{"id":2,"email":"c@d.example"}],
        "phones":["+4930901820","+4930901821"],"by":{"eve@x.example":{"note":"a@b.example"}},"next":null}"#;
    assert_eq!(
        found("application/json", json),
        ["customers[].email email Sure 2", "phones[] phone Sure 2", "by.*.note email Sure 1",]
    );
    assert_eq!(
        found("application/x-www-form-urlencoded", "user=anna&password=hunter2"),
        ["password secret Likely 1"]
    );
    assert_eq!(
        found("application/xml", "<c><email>a@b.example</email><n k=\"x\">1</n></c>"),
        ["c.email email Sure 1"]
    );
    assert_eq!(found("text/plain", "write to a@b.example"), [" email Sure 1"]);
}

#[test]
fn what_is_kept_is_bounded() {
    let many: Vec<String> = (0..200).map(|n| format!("\"f{n}\":\"a@b.example\"")).collect();
    assert_eq!(found("application/json", &format!("{{{}}}", many.join(","))).len(), 64);
}

proptest! {
    #[test]
    fn nothing_makes_it_fall_over(name in ".{0,80}", value in ".{0,400}") {
        let _ = look(&name, &value);
    }

    #[test]
    fn nothing_near_its_forms_makes_it_fall_over(value in "[-+(). /@:0-9A-Za-z_é]{0,200}") {
        let _ = look("phone", &value);
        let _ = look("cardNumber", &value);
    }

    #[test]
    fn a_class_is_found_wherever_it_stands_in_a_sentence(before in "[a-z ,]{0,40}", after in "[a-z ]{0,40}") {
        for (value, class) in [("anna@example.com", Email), ("4111 1111 1111 1111", PaymentCard),
            ("DE89370400440532013000", Iban), ("+4930901820", Phone)] {
            let classes = classify(Hint::default(), Written::Text, &format!("{before} {value} {after}"));
            prop_assert!(classes.get(class).is_some(), "{before} {value} {after}");
        }
    }

    #[test]
    fn one_wrong_digit_is_no_card_and_no_iban(place in 4_usize..15, by in 1_u8..9) {
        for (value, class) in [("4111111111111111", PaymentCard), ("DE89370400440532013000", Iban)] {
            let mut bytes = value.as_bytes().to_vec();
            bytes[place] = b'0' + (bytes[place] - b'0' + by) % 10;
            let wrong = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(classify(Hint::default(), Written::Text, &wrong).get(class), None);
        }
    }
}
