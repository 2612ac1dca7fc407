//! Databases of where addresses are from (`.mmdb`), written byte by byte: small ones for tests.
//!
//! What is written is right by the format's rules; what records mean is not known here.

/// A database whose tree knows one network: IPv4 addresses that begin with `first`.
pub fn database(first: u8, record: &[u8]) -> Vec<u8> {
    const NODES: u8 = 8;
    let mut file = Vec::new();
    for depth in 0..NODES {
        let next = if depth == NODES - 1 { NODES + 16 } else { depth + 1 };
        let is_set = first >> (7 - depth) & 1 == 1;
        let children = if is_set { [NODES, next] } else { [next, NODES] };
        for child in children {
            file.extend([0, 0, child]);
        }
    }
    file.extend([0; 16]);
    file.extend(record);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    file.push(0xe9);
    for (name, value) in [
        ("node_count", &[0xc1, NODES][..]),
        ("record_size", &[0xa1, 24]),
        ("ip_version", &[0xa1, 4]),
        ("binary_format_major_version", &[0xa1, 2]),
        ("binary_format_minor_version", &[0xa1, 0]),
        ("build_epoch", &[0x01, 0x02, 1]),
        ("database_type", b"\x44Test"),
        ("languages", &[0x00, 0x04]),
        ("description", &[0xe0]),
    ] {
        file.extend(text_of(name));
        file.extend(value);
    }
    file
}

/// A map of one entry.
pub fn map(key: &str, value: &[u8]) -> Vec<u8> {
    [&[0xe1][..], &text_of(key), value].concat()
}

/// A string below 285 bytes.
pub fn text_of(value: &str) -> Vec<u8> {
    let length = value.len() as u8;
    let head = if length < 29 { vec![0x40 | length] } else { vec![0x5d, length - 29] };
    [&head, value.as_bytes()].concat()
}
