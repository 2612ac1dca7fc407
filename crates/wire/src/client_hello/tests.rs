//! Hellos as they are written, cut and broken.

use proptest::prelude::*;

use super::*;

fn list16(parts: &[u16]) -> Vec<u8> {
    let bytes: Vec<u8> = parts.iter().flat_map(|part| part.to_be_bytes()).collect();
    with_length(&bytes)
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn extension(kind: u16, value: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &with_length(value)].concat()
}

/// A record with a hello: these ciphers and extensions.
fn hello(ciphers: &[u16], extensions: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([4, 1, 2, 3, 4]);
    body.extend(list16(ciphers));
    body.extend([1, 0]);
    body.extend(with_length(&extensions.concat()));
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let message = [&[1][..], &length[1..], &body].concat();
    [&[22, 3, 1][..], &with_length(&message)].concat()
}

fn browser() -> Vec<u8> {
    let ciphers = [
        0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
        0x009c, 0x009d, 0x002f, 0x0035,
    ];
    let signatures = list16(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]);
    let bare =
        [0x001b, 0x000a, 0x0033, 0x0017, 0x002d, 0x000b, 0x0023, 0xff01, 0x0012, 0x0005, 0x4469, 0x0015];
    let mut extensions = vec![
        extension(0x1a1a, &[]),
        extension(0, b"\0\x0c\0\0\x09shop.test"),
        extension(16, b"\0\x0c\x02h2\x08http/1.1"),
        extension(13, &signatures),
        extension(43, &[6, 0x0a, 0x0a, 3, 4, 3, 3]),
    ];
    extensions.extend(bare.map(|kind| extension(kind, &[])));
    hello(&ciphers, &extensions)
}

/// Stands for SHA-256: shows what is hashed by its length, as far as a byte tells it.
fn length(text: &str) -> [u8; 32] {
    [u8::try_from(text.len()).unwrap_or(u8::MAX); 32]
}

fn read(bytes: &[u8]) -> ClientHello {
    match ClientHello::read(bytes) {
        Greeting::Whole(hello) => hello,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_format_is_foxios() {
    let hello = read(&browser());
    // The example of the format's own description: its texts, and so its hashes.
    let ciphers = "002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9";
    let offers = "0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01_0403,0804,0401,0503,0805,0501,0806,0601";
    assert_eq!((&*sorted(&hello.ciphers), &*hello.offers()), (ciphers, offers));
    assert!(hello.ja4(length).starts_with("t13d1516h2_4a4a4a4a4a4a_"), "{}", hello.ja4(length));
}

#[test]
fn what_is_not_there_has_a_form_too() {
    let bare = read(&hello(&[], &[]));
    assert_eq!(bare.ja4(length), "t12i000000_000000000000_000000000000");
    let odd = read(&hello(&[0x1301], &[extension(16, b"\0\x04\x03\xab-\xcd")]));
    assert_eq!(odd.ja4(length), "t12i0101ad_040404040404_000000000000");
}

#[test]
fn a_hello_may_come_in_any_pieces_and_records() {
    let whole = browser();
    for end in 0..whole.len() {
        assert_eq!(ClientHello::read(&whole[..end]), Greeting::Partial, "{end}");
    }
    let message = &whole[5..];
    for at in [1, 3, 60, message.len() - 1] {
        let (first, second) = message.split_at(at);
        let records =
            [&[22, 3, 1][..], &with_length(first), &[22, 3, 3], &with_length(second), b"more"].concat();
        assert_eq!(read(&records), read(&whole));
    }
}

#[test]
fn what_is_no_hello_is_told_at_once() {
    for bytes in [
        &b"GET / HTTP/1.1"[..],
        b"\x15\x03\x01\0\x02\x02\x28",
        b"\x16\x03\x01\0\x04\x02\0\0\0",
        b"\x16\x03\x01\0\0",
    ] {
        assert_eq!(ClientHello::read(bytes), Greeting::Other, "{bytes:?}");
    }
    let (begun, alert) = (&browser()[..40], b"\x15\x03\x01\0\x02\x02\x28");
    let broken_off = [&[22, 3, 1][..], &with_length(&begun[5..]), alert].concat();
    assert_eq!(ClientHello::read(&broken_off), Greeting::Other);
    let endless = [&[22, 3, 1, 0xff, 0xff, 1, 0xff, 0xff, 0xff][..], &vec![0; LONGEST]].concat();
    assert_eq!(ClientHello::read(&endless), Greeting::Other);
}

proptest! {
    #[test]
    fn any_bytes_give_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..300) {
        let _ = ClientHello::read(&bytes);
        let mut broken = browser();
        let at = at.min(broken.len());
        broken.splice(at.., bytes);
        // What was told is never taken back by what follows.
        for end in 0..broken.len() {
            let told = ClientHello::read(&broken[..end]);
            prop_assert!(told == Greeting::Partial || told == ClientHello::read(&broken), "{end}");
        }
        if let Greeting::Whole(hello) = ClientHello::read(&broken) {
            prop_assert!(hello.ja4(length).len() == 36);
        }
    }
}
