//! Text with macros: `score %{tx.score}` as pieces.
//!
//! What a macro stands for is known when a rule runs; here it is only split, once. A name that is no variable stays
//! text, as ModSecurity leaves it.

use smol_str::SmolStr;

use super::variable::Variable;

/// Text that may hold macros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Macro {
    /// Its pieces in order; neighbouring text is one piece, and no piece is empty text.
    pub pieces: Vec<Piece>,
}

/// Plain text, or what stands for a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Text(SmolStr),
    /// The value of a variable; of a keyed one, the first value under the key.
    Value(Variable, Option<SmolStr>),
}

impl Macro {
    /// The text, split at its macros.
    pub fn parse(text: &str) -> Self {
        let mut found = Self::default();
        let mut rest = text;
        while let Some(begin) = rest.find("%{") {
            let (before, at) = rest.split_at(begin);
            let Some(end) = at.find('}') else { break };
            found.push_text(before);
            match at.get(2..end).and_then(reference) {
                Some(value) => found.pieces.push(value),
                None => found.push_text(at.get(..=end).unwrap_or_default()),
            }
            rest = at.get(end + 1..).unwrap_or_default();
        }
        found.push_text(rest);
        found
    }

    /// The text, if nothing in it has to be expanded.
    pub fn as_text(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    fn push_text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some(Piece::Text(before)) = self.pieces.last_mut() {
            *before = SmolStr::from(format!("{before}{text}"));
        } else {
            self.pieces.push(Piece::Text(text.into()));
        }
    }
}

/// `tx.score`, `REQUEST_HEADERS:Host`, `remote_addr`.
fn reference(inside: &str) -> Option<Piece> {
    let inside = inside.trim();
    let (name, key) = match inside.split_once(['.', ':']) {
        Some((name, key)) => (name, Some(SmolStr::from(key))),
        None => (inside, None),
    };
    Variable::parse(name).map(|variable| Piece::Value(variable, key))
}

/// As it is written in a rule.
impl std::fmt::Display for Macro {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => f.write_str(text)?,
                Piece::Value(variable, None) => write!(f, "%{{{}}}", variable.name())?,
                Piece::Value(variable, Some(key)) => write!(f, "%{{{}.{key}}}", variable.name())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, pieces: &[Piece]) {
        assert_eq!(Macro::parse(text).pieces, pieces, "{text}");
    }

    fn plain(text: &str) -> Piece {
        Piece::Text(text.into())
    }

    #[test]
    fn macros_are_found_and_other_text_stays() {
        check("", &[]);
        check("a", &[plain("a")]);
        check("%{tx.a}", &[Piece::Value(Variable::Tx, Some("a".into()))]);
        check("x%{REMOTE_ADDR}y", &[plain("x"), Piece::Value(Variable::RemoteAddr, None), plain("y")]);
        check("%{request_headers:Host}", &[Piece::Value(Variable::RequestHeaders, Some("Host".into()))]);
        check("100%{nothing.known}!", &[plain("100%{nothing.known}!")]);
        check("%{tx.a", &[plain("%{tx.a")]);
    }
}
