//! Word from another node that policies are to be read again.
//!
//! Invariants: words are numbered by the server, so one that was missed is noticed at the next look; the first number a
//! node hears tells it nothing, for it has just read its policy. It does not know policies.

use redis::Cmd;
use tokio::sync::watch;

/// What begins a published word.
const WORD: &[u8] = b"reload ";

/// Numbers a word and publishes it.
const TELL: &str = r"
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('SET', KEYS[1], redis.call('TIME')[1])
end
local number = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], 34560000)
redis.call('PUBLISH', ARGV[1], 'reload ' .. number)
return number";

/// The number of the last word that was heard.
#[derive(Debug)]
pub(super) struct Reloads(watch::Sender<Option<i64>>);

/// Hears that policies are to be read again.
#[derive(Debug)]
pub struct Reloading(watch::Receiver<Option<i64>>);

impl Reloads {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    pub(super) fn listener(&self) -> Reloading {
        Reloading(self.0.subscribe())
    }

    /// Takes in the server's last number.
    pub(super) fn look(&self, last: i64) {
        self.0.send_if_modified(|known| {
            let before = known.replace(last);
            // Less than before: the server lost everything.
            before.is_some_and(|before| before < last)
        });
    }

    /// Takes in what was published, where it is such a word.
    pub(super) fn hear(&self, payload: &[u8]) {
        let number =
            payload.strip_prefix(WORD).and_then(|number| std::str::from_utf8(number).ok()?.parse().ok());
        if let Some(number) = number {
            self.look(number);
        }
    }

    /// The command that tells all nodes, this one too.
    pub(super) fn tell(key: &str, channel: &str) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(TELL).arg(1).arg(key).arg(channel);
        command
    }
}

impl Reloading {
    /// Returns once a node has said that policies are to be read again; never where nobody can any more.
    pub async fn told(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_told(listener: &mut Reloading) -> bool {
        let changed = listener.0.has_changed().unwrap();
        listener.0.mark_unchanged();
        changed
    }

    #[test]
    fn only_a_number_above_the_last_one_is_news() {
        let reloads = Reloads::new();
        let mut listener = reloads.listener();
        for (last, news) in [(5, false), (5, false), (6, true), (6, false), (2, false), (3, true)] {
            reloads.look(last);
            assert_eq!(is_told(&mut listener), news, "{last}");
        }
        reloads.hear(b"reload 4");
        assert!(is_told(&mut listener));
        for other in [&b"17 {}"[..], b"reload", b"reload x", b"-"] {
            reloads.hear(other);
            assert!(!is_told(&mut listener), "{other:?}");
        }
    }
}
