//! Compile a policy; drive one exchange through its phases to a verdict, an event and an observation.
