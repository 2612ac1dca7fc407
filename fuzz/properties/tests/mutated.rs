//! Every property against inputs made of its seeds: as many in every run, the same ones, and no more than leave the tests
//! quick. Seeds of the corpora join where `PORTCULLIS_CORPORA` names them.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its seeds fails")]

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use portcullis_properties::mutation::{Mutations, words};
use portcullis_properties::{
    answers, body, client_hello, content, corpora, feeds, fields, filter, form, framing, graphql, multipart,
    normalise, operator, pack, protobuf, seclang, transform, xml,
};

/// One test for each property: its name, and how many inputs it is tried on.
macro_rules! tried {
    ($($property:ident: $inputs:literal,)*) => {
        $(#[test]
        fn $property() {
            try_on($inputs, stringify!($property), $property::check);
        })*
    };
}

tried! {
    answers: 10_000,
    body: 12_000,
    client_hello: 2_000,
    content: 20_000,
    feeds: 5_000,
    fields: 20_000,
    filter: 500,
    form: 20_000,
    framing: 5_000,
    graphql: 20_000,
    multipart: 12_000,
    normalise: 8_000,
    operator: 12_000,
    pack: 600,
    protobuf: 20_000,
    seclang: 2_000,
    transform: 20_000,
    xml: 8_000,
}

fn try_on(inputs: usize, property: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut seeds = kept(&folder.join("seeds").join(property));
    assert!(!seeds.is_empty(), "seeds/{property} has no seeds");
    if let Some(corpora) = std::env::var_os("PORTCULLIS_CORPORA") {
        seeds.extend(corpora::seeds(property, Path::new(&corpora)));
    }
    let words = words(&fs::read_to_string(folder.join("http.dict")).unwrap());
    let made = Mutations::of(seeds.clone(), words);
    for input in seeds.into_iter().take(inputs).chain(made.take(inputs)) {
        let said = catch_unwind(|| check(&input));
        assert!(said.is_ok(), "{property} is broken by b\"{}\"", input.escape_ascii());
    }
}

/// The seeds of a folder, in a stable order.
fn kept(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}
