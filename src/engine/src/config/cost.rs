//! What a use of an entry costs.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor},
};

/// What a use costs, in whole units: of money, of work, of whatever budgets are in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Cost {
    /// Always the same.
    Fixed(u64),
    /// A number that an expression in CEL makes of the arguments, rounded up:
    /// `1 + size(args.items) / 10`.
    Formula(String),
}

impl Default for Cost {
    fn default() -> Self {
        Self::Fixed(1)
    }
}

impl<'de> Deserialize<'de> for Cost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;

        impl Visitor<'_> for Forms {
            type Value = Cost;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number that is not negative, or an expression over `args`")
            }

            fn visit_u64<E: de::Error>(self, units: u64) -> Result<Cost, E> {
                Ok(Cost::Fixed(units))
            }

            fn visit_str<E: de::Error>(self, source: &str) -> Result<Cost, E> {
                Ok(Cost::Formula(source.to_owned()))
            }
        }

        deserializer.deserialize_any(Forms)
    }
}
