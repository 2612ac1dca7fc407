//! An issuer of tokens on a free port: its configuration, its keys, and whether it is there at all can be changed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// Made for these tests alone.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgiZlMr/ULCtgrqJ7Q
XstfHE1MP2N3lO1KvMl5QuhbqhmhRANCAAS2V2wSg6413ZiBEF4apooTLmpmzZci
+xhwOFrefXvMHcpnjxG/Dys/ENnzTUyJ6O+gX0903SRu2Qmv2zT0Gneh
-----END PRIVATE KEY-----
";
const PUBLIC: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEtldsEoOuNd2YgRBeGqaKEy5qZs2XIvsYcDha3n17zB3KZ48Rvw8rPxDZ801MiejvoF9PdN0kbtkJr9s09Bp3oQ==";

/// How it speaks.
pub(crate) enum Speech {
    Plain,
    /// Over TLS, with a certificate only its own authority knows.
    Private,
}

/// What it says now.
struct Word {
    keys: Vec<&'static str>,
    status: u16,
    /// What its configuration says that it is called, if not what it is.
    alias: Option<&'static str>,
}

pub(crate) struct Issuer {
    pub(crate) url: String,
    /// The certificate of its own authority, in PEM.
    pub(crate) authority: String,
    word: Arc<Mutex<Word>>,
    asked: Arc<AtomicUsize>,
    unchanged: Arc<AtomicUsize>,
}

impl Issuer {
    /// One whose set has the keys of these ids.
    pub(crate) fn start(speech: &Speech, keys: &[&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (authority, tls) = match speech {
            Speech::Plain => (String::new(), None),
            Speech::Private => {
                let (authority, config) = private_tls();
                (authority, Some(config))
            }
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let word = Arc::new(Mutex::new(Word { keys: keys.to_vec(), status: 200, alias: None }));
        let issuer = Self {
            url: format!("{scheme}://{}", name(address)),
            authority,
            word: Arc::clone(&word),
            asked: Arc::default(),
            unchanged: Arc::default(),
        };
        let (url, asked, unchanged) =
            (issuer.url.clone(), Arc::clone(&issuer.asked), Arc::clone(&issuer.unchanged));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let answer = |path: &str, etag: Option<&str>| {
                    asked.fetch_add(1, Ordering::SeqCst);
                    let answer = word.lock().expect("not poisoned").answer(&url, path, etag);
                    unchanged.fetch_add(usize::from(answer.starts_with("HTTP/1.1 304")), Ordering::SeqCst);
                    answer
                };
                // A client that turns away from the certificate is none of its business.
                let _ = match &tls {
                    None => exchange(stream, answer),
                    Some(config) => {
                        let session = rustls::ServerConnection::new(Arc::clone(config)).expect("a session");
                        exchange(rustls::StreamOwned::new(session, stream), answer)
                    }
                };
            }
        });
        issuer
    }

    /// From now on its set has these keys.
    pub(crate) fn rotate(&self, keys: &[&'static str]) {
        self.word.lock().expect("not poisoned").keys = keys.to_vec();
    }

    /// From now on it answers everything with this status.
    pub(crate) fn answer(&self, status: u16) {
        self.word.lock().expect("not poisoned").status = status;
    }

    /// From now on its configuration calls it that.
    pub(crate) fn call_itself(&self, alias: &'static str) {
        self.word.lock().expect("not poisoned").alias = Some(alias);
    }

    /// How often it was asked for anything.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// How often it could say that nothing has changed.
    pub(crate) fn unchanged(&self) -> usize {
        self.unchanged.load(Ordering::SeqCst)
    }

    /// A token it signed with one of its keys.
    pub(crate) fn token(&self, key: &str) -> String {
        signed(key, &json!({ "iss": self.url, "aud": "shop", "sub": "anna", "exp": 4_102_444_800_u64 }))
    }
}

/// A token with these claims, signed with the key under that id.
pub(crate) fn signed(key: &str, claims: &Value) -> String {
    let header = Header { kid: Some(key.to_owned()), ..Header::new(Algorithm::ES256) };
    encode(&header, claims, &EncodingKey::from_ec_pem(PRIVATE.as_bytes()).expect("a key")).expect("a token")
}

/// The same key under every id.
pub(crate) fn key_set(ids: &[&str]) -> Value {
    let point = STANDARD.decode(PUBLIC).expect("base64");
    let (x, y) = point[point.len() - 64..].split_at(32);
    let key = |id: &&str| {
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "kid": id,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        })
    };
    json!({ "keys": ids.iter().map(key).collect::<Vec<_>>() })
}

impl Word {
    fn answer(&self, url: &str, path: &str, etag: Option<&str>) -> String {
        let tag = format!("\"{}\"", self.keys.join("-"));
        match (self.status, path) {
            (200, "/jwks") if etag == Some(&tag) => {
                "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n".to_owned()
            }
            (200, "/jwks") => document(200, &tag, &key_set(&self.keys)),
            (200, "/.well-known/openid-configuration") => {
                let issuer = self.alias.unwrap_or(url);
                document(200, "\"c\"", &json!({ "issuer": issuer, "jwks_uri": format!("{url}/jwks") }))
            }
            (200, _) => document(404, "\"n\"", &json!({})),
            (status, _) => document(status, "\"e\"", &json!({})),
        }
    }
}

fn document(status: u16, tag: &str, document: &Value) -> String {
    let body = document.to_string();
    format!(
        "HTTP/1.1 {status} X\r\nETag: {tag}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn exchange<S: Read + Write>(
    stream: S,
    answer: impl Fn(&str, Option<&str>) -> String,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut etag = None;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("if-none-match")
        {
            etag = Some(value.trim().to_owned());
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let mut stream = reader.into_inner();
    stream.write_all(answer(path, etag.as_deref()).as_bytes())?;
    stream.flush()
}

fn name(address: SocketAddr) -> String {
    format!("localhost:{}", address.port())
}

fn private_tls() -> (String, Arc<rustls::ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a configuration");
    (made.cert.pem(), Arc::new(config))
}

/// One GET that shows a token, over a connection of its own: the status.
pub(crate) fn get_with(address: SocketAddr, token: &str) -> u16 {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request =
        format!("GET /me HTTP/1.1\r\nHost: s\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}
