//! Orders certificates by ACME (RFC 8555) and renews them, one after another, while the gateway runs.
//!
//! Invariants: a certificate that is there and good is never ordered again; the old one stays until the new one is on
//! disk, chain and key in one file that is replaced at once; after a failure it is waited ever longer, and never shorter
//! than the authority asks for. Deliberately absent: showing certificates (the gateway's, which reads them again).

mod client;
mod figures;
mod kept;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, ExternalAccountKey, Identifier, NewAccount, NewOrder,
    OrderStatus, RetryPolicy,
};
use portcullis_gateway::{Challenges, Proof};
use portcullis_policy::{Acme, AcmeChallenge, ExternalAccount, Policy};
use smol_str::SmolStr;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use crate::files::FileSources;
use crate::serve;
use client::Client;
pub(crate) use figures::{OrderFigures, Orders};
pub(crate) use kept::kept;

/// How often it is looked whether an order's time has come.
const TICK: Duration = Duration::from_secs(1);
/// How long it is waited after a first failure, then four times as long each time.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest it is waited after a failure, unless the authority asks for more.
const LONGEST_WAIT: Duration = Duration::from_hours(6);
/// The longest an authority's word is followed on when to ask again.
const LONGEST_ASKED: Duration = Duration::from_hours(24);
/// For a whole order.
const PATIENCE: Duration = Duration::from_mins(3);
/// How an order's progress is asked for.
const ASKING: RetryPolicy = RetryPolicy::new().timeout(Duration::from_mins(1));
/// How often a good certificate's file is looked at again, as somebody may have taken it away.
const LOOK_AGAIN: Duration = Duration::from_mins(10);

/// The task that orders, stopped when this is dropped.
pub(crate) struct Ordering {
    task: JoinHandle<()>,
    changes: mpsc::Receiver<()>,
}

impl Drop for Ordering {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Ordering {
    /// Begins with the certificates of the policy in force, as `policy` says at any time.
    pub(crate) fn start(
        policy: impl Fn() -> Arc<Policy> + Send + 'static,
        challenges: Challenges,
        orders: Arc<Orders>,
    ) -> Self {
        let (changed, changes) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            let mut desk = Desk { challenges, orders, waiting: BTreeMap::new() };
            loop {
                if desk.tend(&policy()).await {
                    // One that waits already says the same.
                    let _ = changed.try_send(());
                }
                tokio::time::sleep(TICK).await;
            }
        });
        Self { task, changes }
    }

    /// Returns once there is a new certificate.
    pub(crate) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// When a certificate is looked at next.
struct Turn {
    due: Instant,
    failures: u32,
}

/// Where orders are kept.
struct Desk {
    challenges: Challenges,
    orders: Arc<Orders>,
    waiting: BTreeMap<SmolStr, Turn>,
}

/// Why an order came to nothing.
struct Failure {
    why: String,
    /// How long the authority wants to be left alone.
    wait: Option<Duration>,
}

impl Desk {
    /// Orders the first certificate that is due. Whether there is a new one.
    async fn tend(&mut self, policy: &Policy) -> bool {
        let wanted = wanted(policy);
        self.waiting.retain(|file, _| wanted.iter().any(|(acme, host)| acme.file(host) == *file));
        self.orders.retain(|host| wanted.iter().any(|(_, wanted)| wanted == host));
        let mut has_changed = false;
        for (acme, host) in wanted {
            let file = acme.file(&host);
            let failures = match self.waiting.get(&file) {
                Some(turn) if turn.due > Instant::now() => continue,
                turn => turn.map_or(0, |turn| turn.failures),
            };
            let left = kept(&file).map(|kept| {
                self.orders.ends(&host, kept.ends);
                kept.renewal(&host).since(serve::now())
            });
            if let Some(left) = left.filter(|left| !left.is_zero()) {
                let due = Instant::now() + left.min(LOOK_AGAIN);
                self.waiting.insert(file, Turn { due, failures: 0 });
                continue;
            }
            let turn = self.attempt(acme, &host, failures).await;
            has_changed |= turn.failures == 0;
            self.waiting.insert(file, turn);
        }
        has_changed
    }

    async fn attempt(&self, acme: &Acme, host: &SmolStr, failures: u32) -> Turn {
        let client = Client::new(acme.ca.as_ref().map(|ca| ca.path.to_string()));
        let ordered = timeout(PATIENCE, self.order(acme, host, &client)).await;
        let failed = match ordered {
            Ok(Ok(())) => {
                info!(%host, "a certificate was issued");
                self.orders.issued(host);
                return Turn { due: Instant::now(), failures: 0 };
            }
            Ok(Err(why)) => Failure { why, wait: client.wait() },
            Err(_) => Failure { why: "it took too long".to_owned(), wait: client.wait() },
        };
        self.orders.failed(host);
        let usual = FIRST_WAIT.saturating_mul(4_u32.saturating_pow(failures)).min(LONGEST_WAIT);
        let wait = failed.wait.map_or(usual, |asked| asked.min(LONGEST_ASKED).max(usual));
        warn!(%host, again_in = ?wait, "no certificate was issued: {}", failed.why);
        Turn { due: Instant::now() + wait, failures: failures.saturating_add(1) }
    }

    async fn order(&self, acme: &Acme, host: &str, client: &Client) -> Result<(), String> {
        let account = account(acme, client).await?;
        let identifiers = [Identifier::Dns(host.to_owned())];
        let mut order = account.new_order(&NewOrder::new(&identifiers)).await.map_err(told)?;
        let mut shown = Shown { challenges: &self.challenges, put: Vec::new() };
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(told)?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let kind = match acme.challenge {
                AcmeChallenge::Http => ChallengeType::Http01,
                AcmeChallenge::TlsAlpn => ChallengeType::TlsAlpn01,
            };
            let mut challenge = authorization
                .challenge(kind)
                .ok_or_else(|| format!("the authority does not offer {}", acme.challenge.as_str()))?;
            let answer = challenge.key_authorization();
            match acme.challenge {
                AcmeChallenge::Http => {
                    let proof = Proof::Http { token: SmolStr::new(&challenge.token) };
                    shown.put(proof, answer.as_str()).await?;
                }
                AcmeChallenge::TlsAlpn => {
                    let pem = certificate_to_look_at(host, answer.digest().as_ref());
                    let pem = pem.map_err(|error| error.to_string())?;
                    shown.put(Proof::Tls { host: SmolStr::new(host) }, &pem).await?;
                }
            }
            challenge.set_ready().await.map_err(told)?;
        }
        let status = order.poll_ready(&ASKING).await.map_err(told)?;
        if status != OrderStatus::Ready {
            return Err(refusal(&mut order).await);
        }
        drop(shown);
        let key = rcgen::KeyPair::generate().map_err(|error| error.to_string())?;
        let mut asked =
            rcgen::CertificateParams::new([host.to_owned()]).map_err(|error| error.to_string())?;
        asked.distinguished_name = rcgen::DistinguishedName::new();
        let request = asked.serialize_request(&key).map_err(|error| error.to_string())?;
        order.finalize_csr(request.der()).await.map_err(told)?;
        let chain = order.poll_certificate(&ASKING).await.map_err(told)?;
        let pem = format!("{}\n{}", chain.trim_end(), key.serialize_pem());
        kept::check(&pem, host)?;
        kept::write(&acme.file(host), pem.as_bytes()).map_err(|error| error.to_string())
    }
}

/// What the authority says of an order it refused.
async fn refusal(order: &mut instant_acme::Order) -> String {
    let mut authorizations = order.authorizations();
    while let Some(Ok(authorization)) = authorizations.next().await {
        let said = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        if let Some(problem) = said {
            return problem.to_string();
        }
    }
    "the authority refused the order".to_owned()
}

/// What the authority looks at for an order, taken away when it ends.
struct Shown<'a> {
    challenges: &'a Challenges,
    put: Vec<Proof>,
}

impl Shown<'_> {
    async fn put(&mut self, proof: Proof, answer: &str) -> Result<(), String> {
        if !self.challenges.put(&proof, answer).await {
            return Err("too many orders are open".to_owned());
        }
        self.put.push(proof);
        Ok(())
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        for proof in &self.put {
            self.challenges.remove(proof);
        }
    }
}

/// The certificate that shows the hash of an answer (RFC 8737 §3), with its key.
fn certificate_to_look_at(host: &str, digest: &[u8]) -> Result<String, rcgen::Error> {
    let key = rcgen::KeyPair::generate()?;
    let mut asked = rcgen::CertificateParams::new([host.to_owned()])?;
    asked.custom_extensions = vec![rcgen::CustomExtension::new_acme_identifier(digest)];
    Ok(asked.self_signed(&key)?.pem() + &key.serialize_pem())
}

/// The account at the authority: the one that is kept, else a new one.
async fn account(acme: &Acme, client: &Client) -> Result<Account, String> {
    let file = kept::account(acme);
    let builder = Account::builder_with_http(Box::new(client.clone()));
    match std::fs::read(&file) {
        Ok(bytes) => {
            let credentials =
                serde_json::from_slice(&bytes).map_err(|_| format!("{file} holds no account"))?;
            return builder.from_credentials(credentials).await.map_err(told);
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(format!("{file}: {error}")),
    }
    let contact = acme.contact.as_ref().map(|address| format!("mailto:{address}"));
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let asked = NewAccount {
        contact: &contact,
        terms_of_service_agreed: acme.agree_to_terms,
        only_return_existing: false,
    };
    let bound = acme.external_account.as_ref().map(external_key).transpose()?;
    let made = builder.create(&asked, acme.directory.to_string(), bound.as_ref()).await;
    let (account, credentials) = made.map_err(told)?;
    let bytes = serde_json::to_vec(&credentials).map_err(|error| error.to_string())?;
    kept::write(&file, &bytes).map_err(|error| format!("{file}: {error}"))?;
    Ok(account)
}

/// The key of the account that one is bound to.
fn external_key(account: &ExternalAccount) -> Result<ExternalAccountKey, String> {
    let text = account.key.read(&FileSources).map_err(|problem| problem.message)?;
    let text = text.reveal().trim_ascii_end();
    let key = URL_SAFE_NO_PAD.decode(text.strip_suffix(b"=").unwrap_or(text));
    let key = key.map_err(|_| "the external account's key is not in base64url".to_owned())?;
    Ok(ExternalAccountKey::new(account.id.to_string(), &key))
}

#[allow(clippy::needless_pass_by_value, reason = "what `map_err` wants")]
fn told(error: instant_acme::Error) -> String {
    error.to_string()
}

/// Every host to have a certificate for, once for each folder.
pub(crate) fn wanted(policy: &Policy) -> Vec<(&Acme, SmolStr)> {
    let listeners = policy.listeners.iter().filter_map(|listener| listener.tls.as_ref()?.acme.as_ref());
    let mut wanted: Vec<(&Acme, SmolStr)> = listeners
        .flat_map(|acme| acme.hosts_of(policy.sites.iter()).into_iter().map(move |host| (acme, host)))
        .collect();
    wanted.sort_by_key(|(acme, host)| acme.file(host));
    wanted.dedup_by_key(|(acme, host)| acme.file(host));
    wanted
}
