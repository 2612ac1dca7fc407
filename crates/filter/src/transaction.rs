//! One exchange under a SecLang rule set: variables, phases, actions, what matched.
