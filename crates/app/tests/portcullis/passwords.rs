//! Names and passwords at a running gateway: a flood of wrong ones, and a file that changes.

use crate::harness::{Gateway, exchange_whole};

/// Of `pw` and of `open sesame`, the first expensive enough for others to come meanwhile.
const COSTLY: &str = "$2y$09$abcdefghijklmnopqrstuu/lQto0ouRfT.TDJzrf6Jc7bWMVUMBte";
const CHEAP: &str = "$2y$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy";

const ANNA_PW: &str = "YW5uYTpwdw==";
const ANNA_OPEN_SESAME: &str = "YW5uYTpvcGVuIHNlc2FtZQ==";
const ANNA_WRONG: &str = "YW5uYTp3cm9uZw==";

fn gateway(hash: &str) -> Gateway {
    let mut gateway = Gateway::prepare(
        "listen: [{ address: \"127.0.0.1:0\" }]\n\
         identity:\n  staff: { basic: { users: \"file:users.htpasswd\" } }\n\
         sites:\n  shop:\n    hosts: [\"*\"]\n    upstream: { servers: [UPSTREAM] }\n    require: [staff]\n",
    );
    gateway.write("node.secret", "longer than thirty-two bytes, for certain");
    gateway.write("users.htpasswd", &format!("anna:{hash}\n"));
    gateway.run();
    gateway
}

/// The whole answer to a request with those credentials.
fn with(address: std::net::SocketAddr, credentials: &str) -> String {
    let request = format!(
        "GET / HTTP/1.1\r\nHost: shop.test\r\nAuthorization: Basic {credentials}\r\nConnection: close\r\n\r\n"
    );
    exchange_whole(address, &request).expect("answered")
}

#[test]
fn of_a_flood_of_wrong_passwords_few_are_looked_at_and_the_rest_are_told_to_come_again() {
    let gateway = gateway(COSTLY);
    let address = gateway.address();
    let flood: Vec<_> = (0..16).map(|_| std::thread::spawn(move || with(address, ANNA_WRONG))).collect();
    let answers: Vec<String> = flood.into_iter().map(|one| one.join().expect("no panic")).collect();
    let of = |status: &str| answers.iter().filter(|answer| answer.starts_with(status)).count();
    assert!(of("HTTP/1.1 401") >= 1, "{answers:#?}");
    assert!(of("HTTP/1.1 503") >= 1, "{answers:#?}");
    assert_eq!(of("HTTP/1.1 401") + of("HTTP/1.1 503"), 16, "{answers:#?}");
    for answer in answers.iter().filter(|answer| answer.starts_with("HTTP/1.1 503")) {
        let answer = answer.to_ascii_lowercase();
        assert!(answer.contains("retry-after: 1") && !answer.contains("www-authenticate"), "{answer}");
    }
    for _ in 0..3 {
        assert!(with(address, ANNA_PW).starts_with("HTTP/1.1 200"), "the flood is over");
    }
    assert!(with(address, ANNA_WRONG).starts_with("HTTP/1.1 401"), "who was proved proves no other password");
}

#[test]
fn a_password_that_was_changed_opens_nothing_more() {
    let gateway = gateway(CHEAP);
    let address = gateway.address();
    assert!(with(address, ANNA_OPEN_SESAME).starts_with("HTTP/1.1 200"));
    gateway.write("users.htpasswd", &format!("anna:{COSTLY}\n"));
    gateway.await_until("the new file is in force", |_| {
        with(address, ANNA_OPEN_SESAME).starts_with("HTTP/1.1 401").then_some(())
    });
    assert!(with(address, ANNA_PW).starts_with("HTTP/1.1 200"));
}

#[test]
fn check_says_which_line_of_the_file_is_wrong() {
    let gateway = Gateway::prepare(
        "listen: [{ address: \"127.0.0.1:0\" }]\n\
         identity:\n  staff: { basic: { users: \"file:users.htpasswd\" } }\n\
         sites:\n  shop:\n    hosts: [\"*\"]\n    upstream: { servers: [UPSTREAM] }\n    require: [staff]\n",
    );
    gateway.write("users.htpasswd", &format!("anna:{CHEAP}\nbert:$apr1$abcdefgh$ijkl\n"));
    let said = gateway.command(&["check"]);
    let text = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(!said.status.success(), "{text}");
    for part in ["not kept as bcrypt or Argon2", "users.htpasswd:2", "htpasswd -B", "bert:"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    assert!(!text.contains("2y$04") && !text.contains("apr1"), "a hash is shown: {text}");
}
