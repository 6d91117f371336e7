//! A call whose arguments hold what may not pass.

/// Why arguments that hold sensitive values do not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sensitive {
    /// Values of this kind block the call.
    Blocked(String),
    /// Without the values, the call is none any more.
    Unfit,
}

impl Sensitive {
    /// What a model or a person reads.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Blocked(kind) => format!(
                "Not executed: the arguments hold a value of kind `{kind}`, which may not be sent. \
                 Call without it, or tell the user."
            ),
            Self::Unfit => {
                "Not executed: the arguments hold sensitive values, which are taken out \
                            before they go further, and what is left is not what the tool takes. \
                            Call without them, or tell the user."
                    .to_owned()
            }
        }
    }
}
