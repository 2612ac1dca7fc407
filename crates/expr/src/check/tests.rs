//! What is let through and what is refused.
