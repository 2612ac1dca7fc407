//! Traffic that tells a story: customers, a partner, and a curious stranger, each from an address of their own.
//!
//! Invariant: it speaks plain HTTP to whatever address it is given and believes only the answers; it would tell
//! the same story, with another ending, to the API without a gateway in front.

mod acts;
mod client;
mod report;

use std::time::Duration;

pub use client::Gateway;
pub use report::{Act, Form, Report};

/// How the story is played.
#[derive(Clone, Debug)]
pub struct Script {
    /// Whom to call.
    pub gateway: Gateway,
    /// The partner shop's API key, if it has one.
    pub partner_key: Option<String>,
    /// How often each customer opens the app in the first act.
    pub rounds: u32,
    /// The pause between two calls of one person.
    pub pace: Duration,
}

/// Plays every act, telling each as it ends.
pub async fn play(script: &Script, report: &mut Report<'_>) -> anyhow::Result<()> {
    report.tell(acts::customers_use_their_app(script).await?)?;
    report.tell(acts::an_old_app_lives_on(script).await?)?;
    report.tell(acts::a_partner_activates_cards(script).await?)?;
    report.tell(acts::a_customer_helps_themselves(script).await?)?;
    report.tell(acts::somebody_guesses_a_pin(script).await?)?;
    report.tell(acts::a_stranger_looks_around(script).await?)?;
    report.tell(acts::the_stranger_finds_the_old_version(script).await?)?;
    Ok(())
}

/// Goes on until dropped, slowly: a customer every other second, a new stranger now and then.
///
/// Whoever watches may ban a customer or restart the gateway: the others go on calling.
pub async fn go_on(script: &Script) {
    for turn in (0_u32..).cycle() {
        let _ = acts::one_more_customer(script, turn).await;
        if turn % 20 == 19 {
            let _ = acts::one_more_stranger(script, turn / 20).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}
