//! Sensitive data in an exchange: the classes its query and its bodies hold, by field.
//!
//! Invariants: only what was read anyway is looked at, and that once; tags speak of the answer, and of what is more
//! than a name. What the classes lead to is decided by rules.

use portcullis_data::Found;
use portcullis_model::Cause;
use portcullis_model::data_class::{Confidence, DataPlace, FieldData};
use smol_str::{SmolStr, format_smolstr};

use crate::phase::body::Parsed;
use crate::state::State;

/// Query parameters looked at.
const MOST: usize = 64;

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Sensitive {
    found: Found,
    /// Classes in the answer, each once.
    pub(crate) classes: Vec<SmolStr>,
    looked_at_answer: bool,
}

impl Sensitive {
    /// Classes by field.
    pub(crate) fn fields(&self) -> &[FieldData] {
        self.found.fields()
    }

    fn look_at_answer(&mut self, answer: &Parsed) {
        if std::mem::replace(&mut self.looked_at_answer, true) {
            return;
        }
        self.found.look_over(DataPlace::ResponseBody, &answer.body.tree);
        for field in self.found.fields() {
            let class = SmolStr::new_static(field.class.as_str());
            if field.confidence > Confidence::Named && !self.classes.contains(&class) {
                self.classes.push(class);
            }
        }
    }
}

/// Looks at the answer's body as far as it was held, before rules that may ask for its classes.
pub(crate) fn look_at_held(state: &mut State) {
    let mut sensitive = std::mem::take(&mut state.sensitive);
    if let Some(answer) = &state.response_body {
        sensitive.look_at_answer(answer);
    }
    keep(state, sensitive);
}

/// Looks at all that was read of an exchange that learning looks at.
pub(crate) fn look_at_all(state: &mut State) {
    let mut sensitive = std::mem::take(&mut state.sensitive);
    if let Some(answer) = state.response_body.as_deref().or(state.teed.as_deref()) {
        sensitive.look_at_answer(answer);
    }
    for (name, value) in state.normal.query().pairs().take(MOST) {
        sensitive.found.look_at(DataPlace::Query, &name, &value);
    }
    if let Some(body) = state.sent() {
        sensitive.found.look_over(DataPlace::RequestBody, &body.body.tree);
    }
    keep(state, sensitive);
}

fn keep(state: &mut State, sensitive: Sensitive) {
    for class in &sensitive.classes {
        state.tags.set(format_smolstr!("data:{class}"), Cause::Observed);
    }
    state.sensitive = sensitive;
}
