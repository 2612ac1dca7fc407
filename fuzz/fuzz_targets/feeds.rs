//! `portcullis_properties::feeds` under the fuzzer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| portcullis_properties::feeds::check(input));
