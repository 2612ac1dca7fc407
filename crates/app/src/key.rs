//! `portcullis key`: make, show, rotate and revoke API keys in a provider's keys file.
//!
//! Invariants: a key's text is printed once and written nowhere; the file is replaced whole, mode 0600, so that a
//! running gateway reads the old ring or the new one.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use portcullis_document::{SourceError, SourceFile, Sources};
use portcullis_engine::keys::{Key, KeyRing};
use portcullis_model::{Secret, Timestamp};
use portcullis_policy::{Credential, Policy};
use serde_json::json;
use smol_str::SmolStr;

use crate::files::FileSources;
use crate::output::{self, Audience};
use crate::{Exit, Misuse, check, cli, key_uses, secret, serve, span};

/// Carries out the command.
pub(crate) fn run(config: &Path, audience: Audience, command: cli::Key) -> Result<Exit> {
    let read = portcullis_policy::load(&config.to_string_lossy(), &FileSources);
    let Some(policy) = read.policy else {
        output::say(&check::rendered(&read.problems));
        return Ok(Exit::No);
    };
    match command {
        cli::Key::New { provider, subject, groups, scopes, expires } => {
            let words = |words: Vec<String>| -> Vec<SmolStr> { words.into_iter().map(Into::into).collect() };
            let (groups, scopes) = (words(groups), words(scopes));
            let wanted = NewKey { subject: subject.into(), groups, scopes, expires };
            make(&policy, &KeysFile::of(&policy, provider.as_deref())?, audience, &wanted)
        }
        cli::Key::Ls { provider } => list(&policy, provider.as_deref(), audience),
        cli::Key::Rotate { provider, id, overlap, expires } => {
            let file = KeysFile::of(&policy, provider.as_deref())?;
            rotate(&policy, &file, audience, &Rotation { id, overlap, expires })
        }
        cli::Key::Revoke { provider, id } => {
            revoke(&KeysFile::of(&policy, provider.as_deref())?, audience, &id)
        }
    }
}

struct NewKey {
    subject: SmolStr,
    groups: Vec<SmolStr>,
    scopes: Vec<SmolStr>,
    expires: Option<String>,
}

/// A key that goes, and when the one in its place ends.
struct Rotation {
    id: String,
    overlap: String,
    expires: Option<String>,
}

/// The keys file of one provider.
struct KeysFile {
    provider: SmolStr,
    path: SmolStr,
}

impl KeysFile {
    /// Every `api_key` provider's.
    fn all(policy: &Policy) -> Vec<Self> {
        let files = policy.providers.iter().filter_map(|provider| match &provider.credential {
            Credential::ApiKey(api_key) => {
                Some(Self { provider: provider.name.clone(), path: api_key.keys.path.clone() })
            }
            _ => None,
        });
        files.collect()
    }

    /// That of the provider named, or of the only one there is.
    fn of(policy: &Policy, provider: Option<&str>) -> Result<Self> {
        let mut all = Self::all(policy);
        let names = all.iter().map(|one| one.provider.to_string()).collect::<Vec<_>>().join(", ");
        if all.is_empty() {
            bail!(
                "the policy has no `api_key` provider; add one under `identity`, e.g. \
                   partners: {{ api_key: {{ header: X-Api-Key, keys: \"file:keys.yaml\" }} }}"
            );
        }
        match provider {
            Some(name) => match all.iter().position(|one| one.provider == name) {
                Some(at) => Ok(all.swap_remove(at)),
                None => bail!("the policy has no `api_key` provider `{name}`; it has {names}"),
            },
            None if all.len() == 1 => Ok(all.swap_remove(0)),
            None => {
                Err(Misuse(format!("there are several providers; say --provider with one of {names}")).into())
            }
        }
    }

    fn read(&self) -> Result<KeyRing> {
        let bytes = match FileSources.read(&self.path) {
            Ok(bytes) => bytes,
            Err(SourceError::Missing) => return Ok(KeyRing::default()),
            Err(error) => bail!("cannot read {}: {error}", self.path),
        };
        let file: Arc<SourceFile> = SourceFile::new(&*self.path, String::from_utf8_lossy(&bytes));
        KeyRing::parse(&file).map_err(|problems| anyhow::anyhow!("{}", check::rendered(&problems)))
    }

    fn write(&self, ring: &KeyRing) -> Result<()> {
        let path = Path::new(&*self.path);
        let cannot = || format!("cannot write {}", path.display());
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).with_context(cannot)?;
        }
        let aside = path.with_extension("yaml.new");
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&aside)
            .with_context(cannot)?;
        file.write_all(ring.to_yaml().as_bytes()).and_then(|()| file.sync_all()).with_context(cannot)?;
        std::fs::rename(&aside, path).with_context(cannot)
    }
}

fn make(policy: &Policy, file: &KeysFile, audience: Audience, wanted: &NewKey) -> Result<Exit> {
    let ring = file.read()?;
    let (text, key) = mint(policy, wanted, serve::now())?;
    let (id, ends) = (key.id.clone(), key.expires);
    file.write(&KeyRing::new(ring.keys().iter().cloned().chain([key]).collect()))?;
    match audience {
        Audience::Programs => output::json(&json!({
            "id": id, "key": text.reveal(), "provider": file.provider, "subject": wanted.subject, "expires": ends,
        })),
        Audience::People => output::line(&shown_once(&text, &id, wanted, file)),
    };
    Ok(Exit::Done)
}

/// A key's text and what the file keeps of it, under the node secret, which is made if there is none.
fn mint(policy: &Policy, wanted: &NewKey, now: Timestamp) -> Result<(Secret<String>, Key)> {
    let ends = wanted.expires.as_deref().map(|span| after(now, span)).transpose()?;
    secret::make_if_absent(policy)?;
    let secret = policy.secret.read(&FileSources).map_err(|problem| anyhow::anyhow!("{problem}"))?;
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("the system has no randomness: {error}"))?;
    let (text, mut key) = Key::mint(&random, secret.reveal(), &wanted.subject, &wanted.groups, now);
    key.expires = ends;
    key.scopes.clone_from(&wanted.scopes);
    Ok((text, key))
}

fn after(now: Timestamp, span: &str) -> Result<Timestamp> {
    Ok(now.plus(span::parse(span).map_err(|error| Misuse(error.to_string()))?))
}

fn shown_once(text: &Secret<String>, id: &str, wanted: &NewKey, file: &KeysFile) -> String {
    format!(
        "{}\n\nThis key stands for {}. It is shown this once; {} keeps only its hash.\nIts id, for `key revoke`: {id}",
        text.reveal(),
        wanted.subject,
        file.path
    )
}

fn rotate(policy: &Policy, file: &KeysFile, audience: Audience, rotation: &Rotation) -> Result<Exit> {
    let now = serve::now();
    let mut keys = file.read()?.keys().to_vec();
    let old = named(&mut keys, file, &rotation.id)?;
    if let Err(refusal) = old.usable(now) {
        bail!("`{}` opens nothing any more ({}): make another with `key new`", old.id, refusal.as_str());
    }
    let overlap_ends = after(now, &rotation.overlap)?;
    let ends = old.expires.map_or(overlap_ends, |ends| ends.min(overlap_ends));
    old.expires = Some(ends);
    let expires = rotation.expires.clone();
    let (subject, groups, scopes) = (old.subject.clone(), old.groups.clone(), old.scopes.clone());
    let wanted = NewKey { subject, groups, scopes, expires };
    let (text, key) = mint(policy, &wanted, now)?;
    let id = key.id.clone();
    keys.push(key);
    file.write(&KeyRing::new(keys))?;
    match audience {
        Audience::Programs => output::json(&json!({
            "id": id, "key": text.reveal(), "provider": file.provider, "subject": wanted.subject,
            "replaces": rotation.id, "replaced_ends": ends,
        })),
        Audience::People => output::line(&format!(
            "{}\nThe old key, {}, works until {ends}.",
            shown_once(&text, &id, &wanted, file),
            rotation.id
        )),
    };
    Ok(Exit::Done)
}

/// The key of that id.
fn named<'a>(keys: &'a mut [Key], file: &KeysFile, id: &str) -> Result<&'a mut Key> {
    let found = keys.iter_mut().find(|key| key.id == id);
    found.with_context(|| format!("{} has no key `{id}`; `portcullis key ls` shows those it has", file.path))
}

fn list(policy: &Policy, provider: Option<&str>, audience: Audience) -> Result<Exit> {
    let files = match provider {
        Some(_) => vec![KeysFile::of(policy, provider)?],
        None => KeysFile::all(policy),
    };
    let now = serve::now();
    let columns =
        ["provider", "id", "begins with", "subject", "groups", "scopes", "created", "last used", "state"];
    let mut table = output::table(&columns);
    let uses = key_uses::read(&key_uses::path(policy)).unwrap_or_default();
    let mut listed = Vec::new();
    for file in &files {
        for key in file.read()?.keys() {
            let state =
                key.usable(now).map_or_else(portcullis_engine::keys::KeyRefusal::as_str, |()| "in use");
            let last = uses.get(&file.provider).and_then(|keys| keys.get(&key.id)).copied();
            table.add_row([
                file.provider.as_str(),
                &key.id,
                &key.prefix,
                &key.subject,
                &key.groups.join(", "),
                &key.scopes.join(", "),
                key.created.to_string().get(..10).unwrap_or_default(),
                &last.map_or_else(
                    || "never".to_owned(),
                    |last| last.to_string().get(..16).unwrap_or_default().replace('T', " "),
                ),
                state,
            ]);
            listed.push(json!({
                "provider": file.provider, "id": key.id, "prefix": key.prefix, "subject": key.subject,
                "groups": key.groups, "scopes": key.scopes, "created": key.created, "expires": key.expires, "revoked": key.revoked,
                "last_used": last, "state": state,
            }));
        }
    }
    match audience {
        Audience::Programs => output::json(&json!({ "keys": listed })),
        Audience::People if listed.is_empty() => output::line("There are no keys yet: portcullis key new"),
        Audience::People => output::line(&table.to_string()),
    };
    Ok(Exit::Done)
}

fn revoke(file: &KeysFile, audience: Audience, id: &str) -> Result<Exit> {
    let mut keys = file.read()?.keys().to_vec();
    let key = named(&mut keys, file, id)?;
    let subject = key.subject.clone();
    key.revoked.get_or_insert_with(serve::now);
    file.write(&KeyRing::new(keys))?;
    match audience {
        Audience::Programs => output::json(&json!({ "id": id, "revoked": true })),
        Audience::People => output::line(&format!("{id} of {subject} opens nothing any more.")),
    };
    Ok(Exit::Done)
}
