//! `portcullis_properties::pack` under the fuzzer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: portcullis_properties::pack::prepare(), |input: &[u8]| portcullis_properties::pack::check(input));
