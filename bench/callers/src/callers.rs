//! The kinds of callers: what each has in its requests, and the policy that asks for it.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use portcullis_document::MemorySources;
use portcullis_engine::keys::{Key, KeyRing};
use portcullis_model::Timestamp;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::json;

/// When the bench begins.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_800_000_000);
/// Different callers of a kind, which take turns.
pub(crate) const CALLERS: u64 = 64;
/// API keys of the ring, those of the callers among them.
const KEYS: u64 = 1000;
const SECRET: &str = "the secret of this node, longer than thirty-two bytes";

/// A kind of caller.
pub(crate) struct Kind {
    /// What the site's policy says beside hosts and servers.
    pub(crate) site: String,
    /// What the policy says beside sites.
    pub(crate) policy: String,
    /// Files of the policy.
    pub(crate) sources: MemorySources,
    /// The field that proves each caller, if one does.
    pub(crate) fields: Vec<(&'static str, String)>,
}

impl Kind {
    /// The kind of that name.
    pub(crate) fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "key" => Self::key(),
            "rs256" => Self::token(Algorithm::RS256)?,
            "es256" => Self::token(Algorithm::ES256)?,
            "eddsa" => Self::token(Algorithm::EdDSA)?,
            "basic" => Self::basic()?,
            "mtls" => Self::asked("mtls: { subject: san_dns }", no_files(), Vec::new()),
            "introspection" => Self::introspection(),
            "limits-1" => Self::limited(1),
            "limits-5" => Self::limited(5),
            "limits-20" => Self::limited(20),
            _ => bail!("no such kind: {name}"),
        })
    }

    fn asked(provider: &str, sources: MemorySources, fields: Vec<(&'static str, String)>) -> Self {
        let site = "    require: [who]\n".to_owned();
        Self { site, policy: format!("identity: {{ who: {{ {provider} }} }}\n"), sources, fields }
    }

    fn key() -> Self {
        let (mut keys, mut fields) = (Vec::new(), Vec::new());
        for number in 0..KEYS {
            let mut random = [0; 32];
            let spread = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
            for (byte, spread) in random.iter_mut().zip(spread.iter().cycle()) {
                *byte = *spread;
            }
            let subject = format!("partner-{number}");
            let (text, key) = Key::mint(&random, SECRET.as_bytes(), &subject, &["orders".into()], START);
            fields.push(("X-Api-Key", text.reveal().clone()));
            keys.push(key);
        }
        fields.truncate(CALLERS as usize);
        let files = no_files().file("keys.yaml", KeyRing::new(keys).to_yaml());
        Self::asked("api_key: { header: x-api-key, keys: keys.yaml }", files, fields)
    }

    fn token(algorithm: Algorithm) -> Result<Self> {
        let pair = match algorithm {
            Algorithm::RS256 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?,
            Algorithm::ES256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
            _ => KeyPair::generate_for(&PKCS_ED25519)?,
        };
        let pem = pair.serialize_pem();
        let signing = match algorithm {
            Algorithm::RS256 => EncodingKey::from_rsa_pem(pem.as_bytes())?,
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem.as_bytes())?,
            _ => EncodingKey::from_ed_pem(pem.as_bytes())?,
        };
        let mut fields = Vec::new();
        for caller in 0..CALLERS {
            let claims = json!({
                "iss": "https://id.shop.example", "aud": "shop-api", "sub": format!("customer-{caller}"),
                "iat": START.as_secs(), "exp": START.as_secs() + 86_400, "jti": format!("token-{caller}"),
                "roles": ["gold", "beta"], "scope": "orders:read orders:write profile",
            });
            let token = encode(&Header::new(algorithm), &claims, &signing)?;
            fields.push(("Authorization", format!("Bearer {token}")));
        }
        let files = no_files().file("issuer.pem", pair.public_key_pem());
        let provider = "jwt: { issuer: https://id.shop.example, audience: shop-api, groups: roles, key: file:issuer.pem }";
        Ok(Self::asked(provider, files, fields))
    }

    /// Passwords hashed as `htpasswd -B` does if nothing is said.
    fn basic() -> Result<Self> {
        let (mut users, mut fields) = (String::new(), Vec::new());
        for caller in 0..CALLERS {
            let password = format!("correct horse {caller}");
            writeln!(users, "user-{caller}:{}", bcrypt::hash(&password, 5)?)?;
            let shown = STANDARD.encode(format!("user-{caller}:{password}"));
            fields.push(("Authorization", format!("Basic {shown}")));
        }
        let files = no_files().file("users.htpasswd", users);
        Ok(Self::asked("basic: { users: users.htpasswd, remember: 1d }", files, fields))
    }

    fn introspection() -> Self {
        let fields = (0..CALLERS)
            .map(|caller| ("Authorization", format!("Bearer opaque-token-of-some-length-{caller:08}")))
            .collect();
        let files = no_files().file("client.secret", "a secret that the issuer knows");
        let provider = "introspection: { endpoint: https://id.shop.example/introspect, client_id: gateway, \
                        client_secret: file:client.secret, audience: shop-api, remember: 1d }";
        Self::asked(provider, files, fields)
    }

    /// So many limits, none of which is ever reached, by five keys.
    fn limited(count: usize) -> Self {
        let keys = ["caller", "ip", "net/24", "headers.user-agent", "[caller, path]"];
        let mut site = "    limits:\n".to_owned();
        for (place, key) in keys.iter().cycle().take(count).enumerate() {
            let rate = 1_000_000 + place;
            // Writing to a String cannot fail.
            let _ = writeln!(site, "      - {{ name: limit-{place}, key: {key}, rate: {rate}/s }}");
        }
        Self { site, policy: String::new(), sources: no_files(), fields: Vec::new() }
    }
}

fn no_files() -> MemorySources {
    MemorySources::new().file("node.secret", SECRET)
}
