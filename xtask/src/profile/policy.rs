//! The site that the load of a profile meets: two hosts, one past the built-in rules and one past CRS, that know their
//! callers and count what they do.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::bench::peers::free_address;
use crate::process::run;

/// The hosts that are asked for.
pub(super) const HOSTS: [&str; 2] = ["builtin.shop.example", "crs.shop.example"];

/// The secret that the token below is signed with.
const SECRET: &str = "a secret for nobody but the load of a profile";
/// A token of HS256 that stands until 2100.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLnNob3AuZXhhbXBsZSIsInN1YiI6InRyYWluZWUiLCJhdWQiOiJzaG9wIiwic2NvcGUiOiJyZWFkIHdyaXRlIiwiZXhwIjo0MTAyNDQ0ODAwfQ.d7eWTnaeq36SfLN-Df2TW7tW8Wm0TD8RPe_pE9ytfaQ";

/// Where the site is, and what its callers show.
pub(super) struct Site {
    pub(super) plain: SocketAddr,
    pub(super) secure: SocketAddr,
    /// A header line of each kind of caller.
    pub(super) credentials: Vec<String>,
}

/// Writes the policy and its files into a folder.
pub(super) fn write(folder: &Path, gateway: &Path, upstream: SocketAddr) -> Result<Site> {
    let (plain, secure) = (free_address()?, free_address()?);
    std::fs::write(folder.join("jwt.secret"), SECRET)?;
    std::fs::write(folder.join("contract.yaml"), CONTRACT)?;
    std::fs::write(folder.join("portcullis.yaml"), policy(plain, secure, upstream))?;
    let mut certificate = Command::new("openssl");
    certificate.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    certificate.args(["-subj", "/CN=shop.example", "-addext", "subjectAltName=DNS:*.shop.example"]);
    certificate.args(["-days", "1", "-keyout", "shop.key", "-out", "shop.pem"]);
    run(certificate.current_dir(folder).stderr(Stdio::null()))?;
    let mut new = Command::new(gateway);
    new.args(["key", "new", "--provider", "partners", "--subject", "partner", "--scope", "read", "--json"]);
    let made = new.current_dir(folder).output()?;
    anyhow::ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made: serde_json::Value = serde_json::from_slice(&made.stdout)?;
    let key = made.get("key").and_then(serde_json::Value::as_str).context("no key was made")?;
    let credentials = vec![
        format!("Authorization: Bearer {TOKEN}"),
        format!("X-Api-Key: {key}"),
        "X-Nobody: yes".to_owned(),
    ];
    Ok(Site { plain, secure, credentials })
}

fn policy(plain: SocketAddr, secure: SocketAddr, upstream: SocketAddr) -> String {
    let [builtin, crs] = HOSTS.map(|host| {
        // Each host begins with the name of the rules it is behind.
        let name = host.split('.').next().unwrap_or(host);
        format!(
            "  {name}:
    hosts: [{host}]
    upstream: {{ servers: [\"http://{upstream}\"] }}
    contract: {{ files: [contract.yaml] }}
    unknown_apis: monitor
    unknown_callers: monitor
    require: [customers, partners]
    filter: {{ rules: [{name}] }}
    limits:
      - {{ name: per-caller, key: caller, rate: 1000000/s }}
      - {{ name: per-address, key: ip, rate: 1000000/s }}
      - {{ name: at-once, key: caller, concurrency: 10000 }}
      - {{ name: a-day, key: identity, quota: 1000000000/day }}
      - {{ name: items, key: caller, distinct: params.list, limit: 1000000/h, action: monitor }}
    rules:
      - {{ name: office, when: 'ip in lists.office', tag: [net:office] }}
      - {{ name: curious, when: 'headers[\"user-agent\"].matches(\"(?i)sqlmap|nikto|masscan\")', action: block }}
      - {{ name: shown, when: 'tag(\"auth:jwt\")', headers: {{ set: {{ X-Caller: \"${{identity.subject}}\" }} }} }}
      - {{ name: no-cards, when: 'path.startsWith(\"/shop/\")', action: {{ mask: [card] }} }}
"
        )
    });
    format!(
        "secret: file:node.secret
workers: 1
listen:
  - {{ address: \"{plain}\" }}
  - {{ address: \"{secure}\", tls: {{ certificate: shop.pem, key: shop.key }} }}
archive: {{ sqlite: {{ path: data/events.db }}, passes: 10% }}
access_log: {{ to: data/access.log }}
lists: {{ office: {{ ranges: [203.0.113.0/24, \"2001:db8::/32\"] }} }}
identity:
  customers: {{ jwt: {{ issuer: https://id.shop.example, audience: shop, key: file:jwt.secret, algorithms: [HS256] }} }}
  partners: {{ api_key: {{ header: X-Api-Key, keys: keys.yaml }} }}
sites:
{builtin}{crs}"
    )
}

/// What the site declares: lists of items that are read, and that take JSON.
const CONTRACT: &str = r#"openapi: 3.0.3
info: { title: Profile, version: "1" }
paths:
  /shop/{list}/items:
    parameters:
      - { name: list, in: path, required: true, schema: { type: string, maxLength: 40 } }
      - { name: q, in: query, schema: { type: string } }
      - { name: page, in: query, schema: { type: integer } }
    get: { responses: { "200": { description: ok } } }
    post:
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties:
                items:
                  type: array
                  items: { type: object, properties: { id: {}, name: {}, mail: {}, note: {} } }
          application/x-www-form-urlencoded: { schema: { type: object } }
      responses: { "200": { description: ok } }
"#;
