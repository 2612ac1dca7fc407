//! What a request shows to say who it is from, whether or not anything looks at it.
//!
//! Invariant: names and schemes alone, never what they carry. What proves an identity is decided elsewhere.

use portcullis_model::Headers;
use portcullis_model::observation::Credential;
use portcullis_wire::fields::cookies;
use smol_str::SmolStr;

use crate::state::State;

/// Credentials told of one request, and the longest name of one.
const MOST: usize = 8;
const LONGEST: usize = 48;

/// The credentials of an exchange's request.
pub(super) fn shown(state: &State) -> Vec<Credential> {
    let headers = &state.head.headers;
    let certificate = state.peer.tls.as_ref().is_some_and(|tls| tls.client_certificate.is_some());
    let mut shown: Vec<Credential> = certificate.then_some(Credential::Certificate).into_iter().collect();
    shown.extend(schemes(headers));
    shown.extend(in_fields(headers));
    let of_query = state.normal.query().pairs().map(|(name, _)| name.to_ascii_lowercase());
    shown.extend(of_query.filter(|name| is_key(name)).map(|name| Credential::Query(name.into())));
    let of_cookies = cookies(headers).map(|(name, _)| name.into_owned());
    shown.extend(of_cookies.filter(|name| is_session(name)).map(|name| Credential::Cookie(name.into())));
    shown.sort_unstable();
    shown.dedup();
    shown.truncate(MOST);
    shown
}

fn schemes(headers: &Headers) -> impl Iterator<Item = Credential> {
    headers.all("authorization").filter_map(|value| {
        let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
        let scheme = std::str::from_utf8(value.get(..end)?).ok()?;
        let is_scheme = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        // A token without a scheme is a value.
        let told = if is_scheme && scheme.len() <= 16 && end < value.len() { scheme } else { "other" };
        Some(Credential::Scheme(told.to_ascii_lowercase().into()))
    })
}

fn in_fields(headers: &Headers) -> impl Iterator<Item = Credential> {
    let names = headers.iter().map(|field| String::from_utf8_lossy(field.name).to_ascii_lowercase());
    names.filter(|name| is_key(name)).map(|name| Credential::Header(SmolStr::new(name)))
}

/// Names of fields and parameters that carry a key or a token.
fn is_key(name: &str) -> bool {
    let last = name.bytes().rfind(u8::is_ascii_alphanumeric);
    // Most names are told apart by their last letter.
    if name.len() > LONGEST || !matches!(last, Some(b'y' | b'n' | b't' | b'h')) {
        return false;
    }
    let bare: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    ENDS.iter().any(|end| bare.ends_with(end)) || WHOLE.contains(&bare.as_str())
}

/// What the names of keys and tokens end with, and short names that are nothing else.
const ENDS: [&str; 7] =
    ["apikey", "accesstoken", "authtoken", "privatetoken", "securitytoken", "subscriptionkey", "jwt"];
const WHOLE: [&str; 4] = ["token", "xtoken", "xauth", "key"];

/// Names of cookies that carry a session.
fn is_session(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let says = ["sess", "auth", "jwt", "token", "login", "remember"].iter().any(|part| lower.contains(part));
    let own = says || lower.rsplit(['.', '_']).next() == Some("sid");
    name.len() <= LONGEST && own && !["csrf", "xsrf"].iter().any(|part| lower.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_carry_credentials() {
        for (name, carries) in [
            ("x-api-key", true),
            ("api_key", true),
            ("x-auth-token", true),
            ("x-csrf-token", false),
            ("monkey", false),
            ("key-", true),
            ("user-agent", false),
            ("", false),
        ] {
            assert_eq!(is_key(name), carries, "{name}");
        }
        for name in ENDS.iter().chain(&WHOLE) {
            assert!(is_key(name), "{name}");
        }
        for (name, carries) in [
            ("JSESSIONID", true),
            ("connect.sid", true),
            ("XSRF-TOKEN", false),
            ("theme", false),
            ("inside", false),
        ] {
            assert_eq!(is_session(name), carries, "{name}");
        }
    }

    #[test]
    fn a_token_without_its_scheme_is_not_told() {
        let told = |value: &str| {
            let headers: Headers = [("Authorization", value)].into_iter().collect();
            schemes(&headers).map(|credential| credential.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(told("Bearer abc"), ["bearer"]);
        assert_eq!(told("s3cr3tt0ken"), ["other"]);
    }
}
