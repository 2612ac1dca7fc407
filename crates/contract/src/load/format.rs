//! The language a document is written in, as its file's name tells it.

/// The language of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `OpenAPI` as YAML or JSON: whatever is none of the others.
    OpenApi,
    /// A schema of GraphQL.
    GraphqlSchema,
    /// Compiled descriptors of protocol buffers.
    DescriptorSet,
}

const SCHEMAS: [&str; 3] = [".graphql", ".graphqls", ".gql"];
const DESCRIPTORS: [&str; 5] = [".binpb", ".pb", ".protoset", ".desc", ".fds"];

impl Format {
    /// The language of the document at `path`.
    pub fn of(path: &str) -> Self {
        let ends = |endings: &[&str]| endings.iter().any(|ending| path.ends_with(ending));
        if ends(&SCHEMAS) {
            Self::GraphqlSchema
        } else if ends(&DESCRIPTORS) {
            Self::DescriptorSet
        } else {
            Self::OpenApi
        }
    }
}
