//! `portcullis_properties::filter` under the fuzzer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: portcullis_properties::filter::prepare(), |input: &[u8]| portcullis_properties::filter::check(input));
