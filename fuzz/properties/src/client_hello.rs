//! The first bytes of TLS: what is told of them is never taken back by what follows, and a fingerprint has its form.

use portcullis_wire::client_hello::{ClientHello, Greeting};

/// Holds the property of this module against one input.
pub fn check(input: &[u8]) {
    let told = ClientHello::read(input);
    for end in 0..input.len() {
        let before = ClientHello::read(&input[..end]);
        assert!(before == Greeting::Partial || before == told, "{end}");
    }
    if let Greeting::Whole(hello) = told {
        let ja4 = hello.ja4(|text| [text.len() as u8; 32]);
        assert!(ja4.len() == 36 && ja4.starts_with('t'), "{ja4}");
    }
}
