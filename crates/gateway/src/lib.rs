//! Carry traffic to the engine and obey it.
