//! Round trips through every coding, and what damage, bombs and leftovers become.

use std::io::Write as _;

use proptest::prelude::*;

use super::*;

fn encode(text: &[u8], coding: Coding) -> Bytes {
    let level = flate2::Compression::default();
    match coding {
        Coding::Identity => text.to_vec(),
        Coding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Deflate => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Br => {
            let mut out = Vec::new();
            brotli::CompressorWriter::new(&mut out, 4096, 5, 20).write_all(text).unwrap();
            out
        }
        Coding::Zstd => ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest),
    }
    .into()
}

const CODINGS: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Br, Coding::Zstd];

fn undo(bytes: &Bytes, coding: Coding) -> Decoded {
    decode(bytes, &[coding], &DecodeLimits::default())
}

#[test]
fn every_coding_is_undone() {
    let text = b"never gonna give you up, never gonna let you down".repeat(50);
    for coding in CODINGS {
        let decoded = undo(&encode(&text, coding), coding);
        assert!(decoded.defects.is_empty() && decoded.bytes == text, "{coding:?} {:?}", decoded.defects);
        let empty = undo(&encode(b"", coding), coding);
        assert!(empty.defects.is_empty() && empty.bytes.is_empty(), "{coding:?} {:?}", empty.defects);
    }
    let twice = encode(&encode(&text, Coding::Gzip), Coding::Br);
    let decoded = decode(&twice, &[Coding::Gzip, Coding::Br], &DecodeLimits::default());
    assert!(decoded.defects.is_empty() && decoded.bytes == text);
}

#[test]
fn several_members_frames_and_raw_deflate() {
    let two = [encode(b"a", Coding::Gzip), encode(b"b", Coding::Gzip)].concat().into();
    assert_eq!(undo(&two, Coding::Gzip), Decoded { bytes: "ab".into(), defects: Defects::new() });
    let skippable = [0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9];
    let frames = [&skippable[..], &encode(b"a", Coding::Zstd), &skippable, &encode(b"b", Coding::Zstd)]
        .concat()
        .into();
    assert_eq!(undo(&frames, Coding::Zstd), Decoded { bytes: "ab".into(), defects: Defects::new() });
    let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    raw.write_all(b"raw").unwrap();
    let decoded = undo(&raw.finish().unwrap().into(), Coding::Deflate);
    assert_eq!(decoded, Decoded { bytes: "raw".into(), defects: Defects::new() });
}

#[test]
fn members_past_the_bound_are_left_over() {
    for coding in [Coding::Gzip, Coding::Zstd] {
        let one = encode(b"a", coding);
        let most = undo(&one.repeat(MEMBERS).into(), coding);
        assert_eq!((most.bytes.len(), most.defects.len()), (MEMBERS, 0), "{coding:?}");
        let more = undo(&one.repeat(MEMBERS + 1).into(), coding);
        assert_eq!(more.bytes.len(), MEMBERS);
        assert_eq!(more.defects.as_slice(), [Defect::TrailingCoded], "{coding:?}");
    }
}

#[test]
fn damage_is_named() {
    let text: Vec<u8> = (0..2000_u32).flat_map(|n| (n * n).to_le_bytes()).collect();
    for coding in CODINGS {
        let whole = encode(&text, coding);
        let defects = |bytes: Vec<u8>| undo(&bytes.into(), coding).defects.to_vec();
        assert_eq!(defects(whole[..whole.len() - 5].to_vec()), [Defect::TruncatedCoding], "{coding:?}");
        assert_eq!(defects(vec![]), [Defect::TruncatedCoding], "{coding:?}");
        assert_eq!(defects([&whole[..], b"xxxx"].concat()), [Defect::TrailingCoded], "{coding:?}");
        assert_eq!(defects(b"\xff\xff\xff\xff plainly not".to_vec()), [Defect::CorruptCoding], "{coding:?}");
    }
    let mut wrong_sum = encode(&text, Coding::Gzip).to_vec();
    let sum = wrong_sum.len() - 6;
    wrong_sum[sum] ^= 1;
    assert_eq!(undo(&wrong_sum.into(), Coding::Gzip).defects.as_slice(), [Defect::CorruptCoding]);
}

#[test]
fn bombs_stop_at_the_limits() {
    let zeros = vec![0; 4 << 20];
    for coding in CODINGS {
        let bomb = encode(&zeros, coding);
        let by_ratio = decode(&bomb, &[coding], &DecodeLimits { output_bytes: 1 << 30, ratio: 10 });
        assert_eq!(by_ratio.defects.as_slice(), [Defect::DecodedRatio], "{coding:?}");
        assert_eq!(by_ratio.bytes.len(), (bomb.len() * 10).max(64 * 1024), "{coding:?}");
        let by_size = decode(&bomb, &[coding], &DecodeLimits { output_bytes: 1000, ratio: 10 });
        assert_eq!((by_size.bytes.len(), by_size.defects.as_slice()), (1000, &[Defect::DecodedTooLarge][..]));
        let fits = decode(
            &encode(&zeros[..1000], coding),
            &[coding],
            &DecodeLimits { output_bytes: 1000, ratio: 10 },
        );
        assert_eq!((fits.bytes.len(), fits.defects.len()), (1000, 0), "{coding:?}");
    }
}

#[test]
fn codings_are_named_by_fields() {
    let named =
        |values: &[&'static str]| codings(&values.iter().map(|value| ("Content-Encoding", *value)).collect());
    assert_eq!(named(&[]).unwrap().as_slice(), []);
    assert_eq!(named(&["GZIP, br"]).unwrap().as_slice(), [Coding::Gzip, Coding::Br]);
    assert_eq!(named(&["identity", "x-gzip"]).unwrap().as_slice(), [Coding::Gzip]);
    assert_eq!(named(&["gzip", "gzip", "gzip"]), Err(Defect::TooManyCodings));
    assert_eq!(named(&["compress"]), Err(Defect::UnknownCoding));
}

proptest! {
    #[test]
    fn nothing_panics_or_grows_past_the_limit(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        spoil in any::<prop::sample::Index>(),
        coding in prop::sample::select(CODINGS.to_vec()),
    ) {
        let limits = DecodeLimits { output_bytes: 500, ratio: 100 };
        prop_assert!(decode(&bytes.clone().into(), &[coding], &limits).bytes.len() <= 500);
        let mut coded = encode(&bytes, coding).to_vec();
        let at = spoil.index(coded.len());
        coded[at] ^= 0x55;
        prop_assert!(decode(&coded.into(), &[coding], &limits).bytes.len() <= 500);
    }
}
