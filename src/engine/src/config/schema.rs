//! The published JSON Schemas of the two files that people write.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

use super::{Policy, Registry, Tool};

/// A registry file: an object, or a bare list of tools.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum RegistryFile {
    Full(Box<Registry>),
    Tools(Vec<Tool>),
}

/// The JSON Schema of a registry file.
#[must_use]
pub fn registry_schema() -> Value {
    schema_of::<RegistryFile>("Toolgate registry")
}

/// The JSON Schema of a policy file.
#[must_use]
pub fn policy_schema() -> Value {
    schema_of::<Policy>("Toolgate policy")
}

fn schema_of<T: JsonSchema>(title: &str) -> Value {
    let mut schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    schema.to_value()
}
