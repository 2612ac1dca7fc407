//! `portcullis_properties::client_hello` under the fuzzer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| portcullis_properties::client_hello::check(input));
