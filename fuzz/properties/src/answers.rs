//! An upstream's bytes: read the same however they are cut. The first input byte chooses what was asked.

use portcullis_wire::{Asked, FramingLimits, ResponseFollower, What};

/// Holds the property of this module against one input.
pub fn check(input: &[u8]) {
    let Some((choice, bytes)) = input.split_first() else { return };
    let asked = match choice % 4 {
        0 => Asked::Plain,
        1 => Asked::Head,
        2 => Asked::Upgrade,
        _ => Asked::Connect,
    };
    let whole = read(asked, &[bytes]);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(read(asked, &single), whole);
}

/// Everything said, in words, with the bytes of bodies and tunnels counted.
fn read(asked: Asked, pieces: &[&[u8]]) -> (Vec<String>, usize) {
    let mut follower = ResponseFollower::new(FramingLimits::default());
    follower.expect(asked);
    follower.expect(Asked::Plain);
    let (mut said, mut passed) = (Vec::new(), 0);
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let fed = follower.feed(rest);
            rest = &rest[fed.consumed..];
            match fed.what {
                What::More => break,
                What::Head(record) => said.push(format!("{:?} {:?}", record.head, record.body)),
                What::Body | What::Tunnel => passed += fed.consumed,
                What::MessageEnd => said.push(format!("end after {passed}")),
                What::Waiting => unreachable!("answers never wait"),
                What::Defect(defect) => {
                    said.push(format!("{defect} after {passed}"));
                    said.dedup();
                    break;
                }
            }
        }
    }
    (said, passed)
}
