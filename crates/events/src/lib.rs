//! The queue, the archive and its queries, live figures.
