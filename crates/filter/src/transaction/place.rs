//! Where a value stands, for people and exclusions: `query.q`, `body.items[2].note`, `headers.user-agent`.
//!
//! Names are as the request wrote them, headers in lower case. Does not know values.

use std::fmt::Write as _;

use smol_str::{SmolStr, SmolStrBuilder, format_smolstr};

use crate::seclang::Variable;

/// The most bytes of a name that a place shows.
const LONGEST: usize = 256;

/// The place of a variable's value under a key.
pub(super) fn place_of(variable: Variable, key: &[u8]) -> SmolStr {
    use Variable as V;
    let key = String::from_utf8_lossy(key.get(..LONGEST).unwrap_or(key));
    match variable {
        V::ArgsGet | V::ArgsGetNames => format_smolstr!("query.{key}"),
        V::ArgsPost | V::ArgsPostNames => body_place(&key),
        V::RequestHeaders | V::RequestHeadersNames => format_smolstr!("headers.{}", key.to_ascii_lowercase()),
        V::RequestCookies | V::RequestCookiesNames => format_smolstr!("cookies.{key}"),
        V::Files | V::FilesNames | V::MultipartFilename => format_smolstr!("body.{key} (file name)"),
        V::FilesTmpContent | V::MultipartPartHeaders | V::MultipartName | V::FilesSizes => {
            format_smolstr!("body.{key}")
        }
        V::Xml | V::RequestBody => SmolStr::new_static("body"),
        V::RequestFilename | V::RequestBasename | V::PathInfo => SmolStr::new_static("path"),
        V::RequestUri | V::RequestUriRaw | V::RequestLine => SmolStr::new_static("target"),
        V::QueryString => SmolStr::new_static("query"),
        V::RequestMethod => SmolStr::new_static("method"),
        V::ResponseBody => SmolStr::new_static("response.body"),
        V::ResponseHeaders | V::ResponseHeadersNames => {
            format_smolstr!("response.headers.{}", key.to_ascii_lowercase())
        }
        V::ResponseStatus | V::StatusLine => SmolStr::new_static("response.status"),
        V::RemoteAddr | V::RemoteHost | V::UseragentIp => SmolStr::new_static("ip"),
        other if key.is_empty() => SmolStr::from(other.name().to_ascii_lowercase()),
        other => format_smolstr!("{}.{}", other.name().to_ascii_lowercase(), key.to_ascii_lowercase()),
    }
}

/// `json.items.array_2.note` is `body.items[2].note`; a form's names stay as they are.
fn body_place(key: &str) -> SmolStr {
    let Some(path) = key.strip_prefix("json.") else {
        return if key == "json" { SmolStr::new_static("body") } else { format_smolstr!("body.{key}") };
    };
    let mut place = SmolStrBuilder::new();
    place.push_str("body");
    for step in path.split('.') {
        // Writing to a builder cannot fail.
        let _ =
            match step.strip_prefix("array_").filter(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
            {
                Some(index) => write!(place, "[{index}]"),
                None => write!(place, ".{step}"),
            };
    }
    place.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_like_paths() {
        for (variable, key, place) in [
            (Variable::ArgsGet, "q", "query.q"),
            (Variable::ArgsPost, "json.items.array_2.note", "body.items[2].note"),
            (Variable::ArgsPost, "json.array_0", "body[0]"),
            (Variable::ArgsPost, "comment", "body.comment"),
            (Variable::RequestHeaders, "User-Agent", "headers.user-agent"),
            (Variable::RequestCookies, "Sid", "cookies.Sid"),
            (Variable::RequestUri, "", "target"),
            (Variable::Tx, "1", "tx.1"),
            (Variable::ServerName, "", "server_name"),
        ] {
            assert_eq!(place_of(variable, key.as_bytes()), place);
        }
        assert_eq!(place_of(Variable::ArgsGet, &vec![b'k'; 100_000]).len(), "query.".len() + LONGEST);
    }
}
