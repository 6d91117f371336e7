//! The refusal of a result that came, and may not pass as it is.

use crate::contract::Violation;

/// Why a result may not pass.
#[derive(Clone, Debug, PartialEq)]
pub enum ResultFault {
    /// It breaks the tool's `outputSchema`.
    Broken(Vec<Violation>),
    /// It is over the bound of what is used: how to ask for less.
    TooLarge(String),
    /// It holds a value of this kind.
    Sensitive(String),
    /// It holds what this rule finds.
    Injection(&'static str),
}

impl ResultFault {
    /// Whether the result is whole, and kept back.
    #[must_use]
    pub const fn withholds(&self) -> bool {
        match self {
            Self::Broken(_) => false,
            Self::TooLarge(_) | Self::Sensitive(_) | Self::Injection(_) => true,
        }
    }

    /// The reason code.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Broken(_) => "result_broken",
            Self::TooLarge(_) => "result_too_large",
            Self::Sensitive(_) => "result_sensitive",
            Self::Injection(_) => "result_injection",
        }
    }

    /// What a model reads: never a value of the result.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Broken(violations) => {
                let mut text =
                    "The tool was executed, and its result does not match its output schema:"
                        .to_owned();
                for violation in violations {
                    text.push_str(&format!("\n- {violation}"));
                }
                text.push_str("\nThe fault is not the call's: to repeat it mends nothing.");
                text
            }
            Self::TooLarge(how) => {
                format!(
                    "The request was executed, and its result is too large to be passed on. {how}"
                )
            }
            Self::Sensitive(kind) => format!(
                "The tool was executed, and its result is withheld: it holds a value of kind `{kind}`."
            ),
            Self::Injection(rule) => format!(
                "It was done, and its result is withheld: it holds text that looks like an attempt to steer the model that reads it (`{rule}`). To repeat it would not help."
            ),
        }
    }
}
