//! What the approval service answered, read strictly.

use super::{Answer, Decision};
use crate::{cx::Timestamp, http::Response, json::Doc};

impl Answer {
    /// Reads an answer; `None` where it is anything but what was agreed on: another status or
    /// content type, a text that readers could take differently, a page that is no web page.
    #[must_use]
    pub fn read(response: &Response<'_>) -> Option<Self> {
        let header = |name: &str| response.headers.one(name).ok().flatten();
        let media = header("content-type")?.split(';').next()?.trim();
        let agreed = header(":status") == Some("200")
            && media.eq_ignore_ascii_case("application/json")
            && response.body.len() <= MAX_ANSWER;
        if !agreed {
            return None;
        }
        let doc = Doc::parse(response.body.to_vec()).ok()?;
        let answer: Self = serde_json::from_value(doc.root().to_value()).ok()?;
        let sound = match &answer {
            Self::Approved(decision) | Self::Denied(decision) => decision.is_sound(),
            Self::Pending { id, url } => is_id(id) && is_page(url),
        };
        sound.then_some(answer)
    }
}

impl Decision {
    fn is_sound(&self) -> bool {
        is_id(&self.id) && !self.approver.is_empty() && Timestamp::parse(&self.at).is_some()
    }
}

/// Whether this may be the id of an approval: letters, digits, `-` and `_`.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(plain)
}

/// Whether a person may be sent there.
fn is_page(url: &str) -> bool {
    let web = ["http://", "https://"]
        .iter()
        .any(|scheme| url.starts_with(scheme));
    web && url.len() <= MAX_URL && url.bytes().all(|b| b.is_ascii_graphic())
}

/// The largest answer that is read, in bytes.
pub const MAX_ANSWER: usize = 65_536;
const MAX_ID: usize = 64;
const MAX_URL: usize = 2_048;
