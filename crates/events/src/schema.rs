//! The JSON Schema of an event, as published in `docs/event.schema.json`.

/// The JSON Schema (2020-12) of an event as the archive keeps it and `portcullis events --json` prints it.
pub fn event_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(portcullis_model::Event).to_value();
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("title".to_owned(), "Portcullis event".into());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set to write the file anew instead of comparing it.
    const BLESS: &str = "PORTCULLIS_BLESS";

    #[test]
    fn the_published_schema_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/event.schema.json");
        let current = format!("{:#}\n", event_schema());
        if std::env::var_os(BLESS).is_some() {
            std::fs::write(path, &current).unwrap();
        }
        let published = std::fs::read_to_string(path).unwrap();
        assert!(published == current, "docs/event.schema.json is out of date: run this test with {BLESS}=1");
    }
}
