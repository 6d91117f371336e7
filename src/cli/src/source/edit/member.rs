//! Members to write into a file.

use engine::json::Doc;
use serde_json::Value;

use crate::source::yaml;

/// A member to write.
pub(crate) struct Member {
    /// Its key.
    pub(crate) key: &'static str,
    /// Its value.
    pub(crate) value: Doc,
    /// What to say beside it.
    pub(crate) comment: Option<&'static str>,
}

/// Members below each other.
pub(super) fn write(out: &mut String, members: &[Member], indent: usize) {
    for member in members {
        yaml::line(out, indent);
        let start = out.len();
        yaml::key(out, member.key);
        yaml::value(out, member.value.root(), indent.saturating_add(2));
        if let Some(comment) = member.comment {
            yaml::comment(out, start, comment);
        }
    }
}

pub(super) fn object(members: &[Member]) -> Value {
    let member = |member: &Member| (member.key.to_owned(), member.value.root().to_value());
    Value::Object(members.iter().map(member).collect())
}
