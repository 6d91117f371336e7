//! An answer as an event stream: in every form that the standard allows, and read back as it says
//! (WHATWG HTML, section 9.2 "Server-sent events").

use serde_json::Value;

use super::model::{Case, Seen};

/// How an event stream may be written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// As most servers do.
    Plain,
    /// With CRLF, and fields around the data.
    Crlf,
    /// With CR alone, and no space behind the colon.
    Cr,
    /// Behind a byte order mark, comments and an event without data.
    Behind,
    /// Its data in several lines.
    Lines,
    /// Every way to end a line in one event.
    Mixed,
}

pub(crate) const FORMS: [Form; 6] = [
    Form::Plain,
    Form::Crlf,
    Form::Cr,
    Form::Behind,
    Form::Lines,
    Form::Mixed,
];

impl Form {
    /// Whether it has an id: then the answer that is missing may come by another stream.
    pub(crate) const fn resumable(self) -> bool {
        matches!(self, Self::Crlf | Self::Behind | Self::Mixed)
    }

    /// `message` as the one event with data.
    fn write(self, message: &str) -> String {
        let lines = |before: &str, after: &str| {
            let lines = message.split('\n');
            let lines = lines.map(|line| format!("{before}{line}{after}"));
            lines.collect::<String>()
        };
        match self {
            Self::Plain => lines("data: ", "\n") + "\n",
            Self::Crlf => {
                "event: message\r\nid: 7\r\n".to_owned() + &lines("data: ", "\r\n") + "\r\n"
            }
            Self::Cr => lines("data:", "\r") + "\r",
            Self::Behind => {
                "\u{feff}: hello\n\nid: 1\nretry: 100\ndata:\n\n".to_owned()
                    + &lines("data: ", "\n")
                    + "\n: bye\n\n"
            }
            // Between its members JSON has room for a line end.
            Self::Lines => {
                let parted = message.replacen("\"id\":", "\n\"id\":", 1);
                Self::Plain.write(&parted)
            }
            Self::Mixed => "retry: 5\r".to_owned() + &lines("data: ", "\r\n") + "id: 2\n\r",
        }
    }
}

/// The same case, its answer an event of a stream; `None` where that makes no difference.
pub(crate) fn streamed(case: &Case, form: Form) -> Option<Case> {
    let (status, headers, body) = case.upstream.wire();
    let json = headers
        .iter()
        .any(|(name, value)| name == "content-type" && value == "application/json");
    let body = String::from_utf8(body).ok()?;
    if !json || status != 200 || body.is_empty() || body.contains('\r') {
        return None;
    }
    let mut case = case.clone();
    case.upstream.content_type = Some("text/event-stream".to_owned());
    case.upstream.json = None;
    case.upstream.text = Some(form.write(&body));
    Some(case)
}

/// The messages that a client reads out of what it gets.
pub(crate) fn messages(seen: &Seen) -> Vec<String> {
    let media = seen.headers.get("content-type").map_or("", String::as_str);
    let body = String::from_utf8_lossy(&seen.body);
    if media.starts_with("text/event-stream") {
        events(&body)
    } else {
        vec![body.into_owned()]
    }
}

/// The data of each event that a client is told of.
fn events(stream: &str) -> Vec<String> {
    let stream = stream.strip_prefix('\u{feff}').unwrap_or(stream);
    let stream = stream.replace("\r\n", "\n").replace('\r', "\n");
    let mut events = Vec::new();
    let mut data: Vec<&str> = Vec::new();
    // What is behind the last line end is no line.
    let whole = stream.rfind('\n').map_or("", |end| &stream[..end]);
    for line in whole.split('\n') {
        if let Some(value) = line.strip_prefix("data") {
            let value = value.strip_prefix(':').unwrap_or(value);
            data.push(value.strip_prefix(' ').unwrap_or(value));
        } else if line.is_empty() {
            let joined = std::mem::take(&mut data).join("\n");
            events.extend((!joined.is_empty()).then_some(joined));
        }
    }
    events
}

/// A message to compare: where its white space does not count.
pub(crate) fn canonical(message: &str) -> String {
    serde_json::from_str(message).map_or_else(|_| message.to_owned(), |it: Value| it.to_string())
}
