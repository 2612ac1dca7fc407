//! `portcullis explain`: the effective policy of a site or request, and where each value came from.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use http::Method;
use portcullis_engine::Snapshot;
use portcullis_model::Event;
use portcullis_policy::Site;

use crate::load::{self, Purpose};
use crate::output::{self, Audience};
use crate::replay::{Recorded, Replayer};
use crate::{Exit, Misuse, check, cli, events};

/// Explains the site, or what holds for one request to it.
pub(crate) fn run(config: &Path, audience: Audience, options: &cli::Explain) -> Result<Exit> {
    let method = options.method.as_deref().map(parse_method).transpose()?;
    let loaded = match load::load(config, Purpose::Look) {
        Ok(loaded) => loaded,
        Err(rejected) => {
            output::say(&check::rendered(&rejected.problems));
            return Ok(Exit::No);
        }
    };
    let names =
        || loaded.policy.sites.iter().map(|site| site.name.to_string()).collect::<Vec<_>>().join(", ");
    let request = method.as_ref().zip(options.path.as_deref());
    let explanation = portcullis_policy::explain(&loaded.policy, &options.site, request)
        .with_context(|| format!("the policy has no site `{}`; it has {}", options.site, names()))?;
    let site = loaded.policy.sites.iter().find(|site| site.name == options.site);
    let tried = request.zip(site).map(|((method, path), site)| try_out(&loaded.snapshot, site, method, path));
    let tried = tried.transpose()?;
    match audience {
        Audience::Programs => {
            let mut document = explanation.to_json();
            if let Some(fields) = document.as_object_mut() {
                fields.insert("request".to_owned(), serde_json::to_value(&tried)?);
            }
            output::json(&document);
        }
        Audience::People => {
            output::print(&explanation.to_text());
            if let Some(event) = &tried {
                output::line(&format!(
                    "\nsuch a request without a credential, from this machine: {}",
                    events::decision(event)
                ));
            }
        }
    }
    Ok(Exit::Done)
}

/// What would be decided about such a request, with nothing in it but its target.
fn try_out(snapshot: &Arc<Snapshot>, site: &Site, method: &Method, path: &str) -> Result<Event> {
    let host = site
        .hosts
        .first()
        .map_or_else(|| "localhost".to_owned(), |host| host.to_string().replace('*', "any"));
    let bare =
        Recorded { method: method.to_string(), url: format!("http://{host}{path}"), ..Recorded::default() };
    Replayer::new(Arc::clone(snapshot)).replay(&bare, 0)
}

fn parse_method(text: &str) -> Result<Method> {
    Ok(text.parse().map_err(|_| Misuse(format!("`{text}` is not a method")))?)
}
