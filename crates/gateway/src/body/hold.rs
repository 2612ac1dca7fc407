//! Hold a body, up to a limit and within a deadline, before anything of it goes further.
//!
//! Invariant: never more than the limit and one frame is kept. It serves both directions.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};

/// How holding ended.
#[derive(Debug)]
pub(crate) enum HoldEnd<E> {
    /// The body is whole.
    Whole(Option<HeaderMap>),
    /// More came than the limit allows; the rest was not read.
    OverLimit,
    /// The deadline passed; the rest was not read.
    Deadline,
    /// Reading failed.
    Failed(E),
}

/// What was held, and how it ended.
#[derive(Debug)]
pub(crate) struct Held<E> {
    /// Everything read; past the limit by less than one frame.
    pub(crate) bytes: Bytes,
    /// How it ended.
    pub(crate) end: HoldEnd<E>,
}

/// Reads `body` until it ends, exceeds `limit` bytes, or `deadline` passes; the rest stays in `body`.
pub(crate) async fn hold<B>(body: &mut B, limit: u64, deadline: Duration) -> Held<B::Error>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut kept = Kept::default();
    let reading = async {
        loop {
            match body.frame().await {
                None => break HoldEnd::Whole(None),
                Some(Err(error)) => break HoldEnd::Failed(error),
                Some(Ok(frame)) => match kept.take(frame) {
                    Some(trailers) => break HoldEnd::Whole(Some(trailers)),
                    None if kept.len() as u64 > limit => break HoldEnd::OverLimit,
                    None => {}
                },
            }
        }
    };
    let end = tokio::time::timeout(deadline, reading).await.unwrap_or(HoldEnd::Deadline);
    Held { bytes: kept.into_bytes(), end }
}

/// The frames so far; a body that came in one frame is never copied.
#[derive(Default)]
struct Kept {
    first: Bytes,
    joined: BytesMut,
}

impl Kept {
    fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    fn take(&mut self, frame: Frame<Bytes>) -> Option<HeaderMap> {
        match frame.into_data() {
            Ok(data) => {
                self.push(data);
                None
            }
            Err(frame) => frame.into_trailers().ok(),
        }
    }

    fn push(&mut self, data: Bytes) {
        if self.len() == 0 {
            self.first = data;
            return;
        }
        if !self.first.is_empty() {
            self.joined.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.joined.extend_from_slice(&data);
    }

    fn into_bytes(self) -> Bytes {
        if self.first.is_empty() { self.joined.freeze() } else { self.first }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(frames: &[&'static str], limit: u64) -> (String, &'static str) {
        let (mut sender, mut body) = http_body_util::channel::Channel::<Bytes>::new(16);
        for frame in frames {
            sender.send_data(Bytes::from_static(frame.as_bytes())).await.unwrap();
        }
        drop(sender);
        let held = hold(&mut body, limit, Duration::from_secs(30)).await;
        let end = match held.end {
            HoldEnd::Whole(_) => "whole",
            HoldEnd::OverLimit => "over",
            HoldEnd::Deadline => "deadline",
            HoldEnd::Failed(_) => "failed",
        };
        (String::from_utf8(held.bytes.to_vec()).unwrap(), end)
    }

    #[tokio::test]
    async fn a_body_is_held_whole_or_as_far_as_the_limit() {
        assert_eq!(check(&[], 10).await, (String::new(), "whole"));
        assert_eq!(check(&["abc"], 3).await, ("abc".into(), "whole"));
        assert_eq!(check(&["abc", "de", "f"], 6).await, ("abcdef".into(), "whole"));
        assert_eq!(check(&["abc", "de", "f"], 4).await, ("abcde".into(), "over"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_end_meets_its_deadline() {
        let (mut sender, mut body) = http_body_util::channel::Channel::<Bytes>::new(1);
        sender.send_data(Bytes::from_static(b"begun")).await.unwrap();
        let held = hold(&mut body, 10, Duration::from_secs(5)).await;
        assert!(matches!(held.end, HoldEnd::Deadline));
        assert_eq!(held.bytes, "begun");
    }

    #[tokio::test]
    async fn trailers_are_kept() {
        let (mut sender, mut body) = http_body_util::channel::Channel::<Bytes>::new(2);
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
        sender.send_data(Bytes::from_static(b"x")).await.unwrap();
        sender.send_trailers(trailers.clone()).await.unwrap();
        let held = hold(&mut body, 10, Duration::from_secs(5)).await;
        assert!(matches!(held.end, HoldEnd::Whole(Some(kept)) if kept == trailers));
    }
}
