//! OpenAPI in, an immutable operation table out.
