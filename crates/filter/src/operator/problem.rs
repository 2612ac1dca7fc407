//! Why an operator cannot be used.

use smol_str::SmolStr;

/// What is wrong with an operator or its argument.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperatorProblem {
    /// ModSecurity has none of that name.
    #[error("there is no operator `@{0}`")]
    Unknown(SmolStr),
    /// It exists in ModSecurity and is not run here.
    #[error("the operator `@{name}` is not supported: {why}")]
    Refused {
        /// Its name.
        name: &'static str,
        /// Why, in a sentence's second half.
        why: &'static str,
    },
    /// The pattern is none.
    #[error("this is no pattern that can be matched: {0}")]
    Pattern(String),
    /// The argument is none the operator takes.
    #[error("`@{name}` cannot take this argument: {why}")]
    Argument {
        /// The operator's name.
        name: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A data file could not be read.
    #[error("the data file `{file}` could not be read: {why}")]
    File {
        /// As the rule names it.
        file: SmolStr,
        /// What the host said.
        why: SmolStr,
    },
}
