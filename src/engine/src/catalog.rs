//! What a virtual server says of itself and of what there is, for one caller: no server is asked.
//!
//! What the caller may not use is not there, and nothing tells that it was left out: every page but
//! the last is full, and a cursor holds only what the caller was shown.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::{
    config::Protocol,
    policy::Sight,
    record::Listed,
    registry::{Entry, Kind, Registry, Virtual},
    rpc::{Era, Fault, MODERN_VERSIONS},
    tenancy::Tenancy,
};

pub use crate::registry::List;

/// The virtual server, as one caller sees it.
#[derive(Debug)]
pub struct View<'a> {
    /// What the caller sees.
    pub sight: Sight<'a>,
    /// As what it introduces itself.
    pub server: &'a Virtual,
    /// The era in which it is spoken to.
    pub era: Era,
}

/// A page of a list.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// The result, as JSON.
    pub result: String,
    /// What it shows, and what was left out on the way.
    pub listed: Listed,
}

impl<'a> View<'a> {
    /// The page of a list that begins at `cursor`; without one, the first.
    ///
    /// # Errors
    /// The cursor is none of this list.
    pub fn list(&self, list: List, cursor: Option<&str>) -> Result<Page, Fault> {
        let after = cursor.map(|cursor| self.after(list, cursor).ok_or(BAD_CURSOR));
        let after = after.transpose()?;
        let mut listed = Listed::default();
        let mut result = format!("{{\"{}\":[", list.member());
        let mut last: Option<&Entry> = None;
        let (mut hidden, mut next) = (0_u64, None);
        for entry in self.registry().listed(list, after.as_deref()) {
            if !self.sight.sees(entry) {
                hidden = hidden.saturating_add(1);
                continue;
            }
            let entry = self.sight.version(entry);
            if let Some(last) = last {
                let size = result.len().saturating_add(entry.item().len());
                if listed.shown >= self.server.page_size as u64 || size > MAX_PAGE {
                    next = Some(self.cursor(list, last));
                    break;
                }
                result.push(',');
            }
            result.push_str(entry.item());
            (listed.shown, listed.hidden) = (listed.shown.saturating_add(1), hidden);
            last = Some(entry);
        }
        if next.is_none() {
            listed.hidden = hidden;
        }
        result.push(']');
        let mut rest = self.envelope();
        rest.extend(next.map(|cursor| ("nextCursor".to_owned(), json!(cursor))));
        let rest = Value::Object(rest).to_string();
        let rest = rest.trim_start_matches('{');
        result.push_str(if rest == "}" { "" } else { "," });
        result.push_str(rest);
        Ok(Page { result, listed })
    }

    /// The result of `initialize`, where this protocol version was agreed on.
    #[must_use]
    pub fn initialize(&self, version: &str) -> String {
        let mut result = self.introduction();
        result.insert("protocolVersion".to_owned(), json!(version));
        result.insert("serverInfo".to_owned(), self.info());
        Value::Object(result).to_string()
    }

    /// The result of `server/discover`.
    #[must_use]
    pub fn discover(&self) -> String {
        let mut result = self.introduction();
        result.insert("supportedVersions".to_owned(), json!(MODERN_VERSIONS));
        result.extend(self.envelope());
        Value::Object(result).to_string()
    }

    /// What both eras say when they are greeted.
    fn introduction(&self) -> Map<String, Value> {
        let mut result = Map::new();
        result.insert("capabilities".to_owned(), self.capabilities());
        let instructions = self.instructions();
        result.extend(instructions.map(|text| ("instructions".to_owned(), json!(text))));
        result
    }

    /// Its own instructions, and those of each server that the caller sees something of.
    fn instructions(&self) -> Option<String> {
        let servers = self.registry().servers().filter_map(|server| {
            let text = server.instructions.as_deref()?;
            self.sight.reaches(&server.id).then_some(text)
        });
        let own = self.server.instructions.as_deref();
        let all: Vec<_> = own.into_iter().chain(servers).collect();
        (!all.is_empty()).then(|| all.join("\n\n"))
    }

    fn capabilities(&self) -> Value {
        let sees = |fits: &dyn Fn(&Entry) -> bool| {
            let mut entries = self.registry().entries();
            entries.any(|entry| fits(entry) && self.sight.sees(entry))
        };
        let mut all = Map::new();
        let mut can = |what: &str, how: Value| drop(all.insert(what.to_owned(), how));
        can("tools", json!({ "listChanged": true }));
        if sees(&|entry| entry.kind == Kind::Prompt) {
            can("prompts", json!({ "listChanged": true }));
        }
        if sees(&|entry| entry.kind == Kind::Resource) {
            let subscribe = sees(&|entry| entry.kind == Kind::Resource && self.is_spoken_to(entry));
            can(
                "resources",
                json!({ "subscribe": subscribe, "listChanged": true }),
            );
        }
        if sees(&Entry::completes) {
            can("completions", json!({}));
        }
        if sees(&|entry| entry.rest.is_none()) {
            can("logging", json!({}));
        }
        if sees(&Entry::has_tasks) {
            match self.era {
                Era::Legacy => can(
                    "tasks",
                    json!({ "cancel": {}, "requests": { "tools": { "call": {} } } }),
                ),
                Era::Modern => can("extensions", json!({ TASKS: {} })),
            }
        }
        Value::Object(all)
    }

    /// Whether the server of an entry speaks the caller's era itself: what is watched is not carried
    /// across.
    fn is_spoken_to(&self, entry: &Entry) -> bool {
        let server = self.registry().server(&entry.server);
        server.is_some_and(|server| match server.protocol {
            Protocol::Auto => true,
            Protocol::V2025_11_25 => self.era == Era::Legacy,
            Protocol::V2026_07_28 => self.era == Era::Modern,
            Protocol::Http => false,
        })
    }

    /// What the modern era has in each of these results: they are for nobody else.
    fn envelope(&self) -> Map<String, Value> {
        let mut members = Map::new();
        if self.era == Era::Modern {
            let mut say = |key: &str, value| drop(members.insert(key.to_owned(), value));
            say("resultType", json!("complete"));
            say("ttlMs", json!(TTL_MS));
            say("cacheScope", json!("private"));
            say("_meta", json!({ SERVER_INFO: self.info() }));
        }
        members
    }

    fn info(&self) -> Value {
        let Virtual {
            name,
            title,
            version,
            ..
        } = self.server;
        match title {
            Some(title) => json!({ "name": name, "title": title, "version": version }),
            None => json!({ "name": name, "version": version }),
        }
    }

    /// The cursor of the page behind an entry that the caller was shown.
    fn cursor(&self, list: List, last: &Entry) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}{}", self.mark(list), last.listed_as()))
    }

    /// Behind what the page at `cursor` begins.
    fn after(&self, list: List, cursor: &str) -> Option<String> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        text.strip_prefix(&self.mark(list)).map(str::to_owned)
    }

    /// What tells the cursors of a list from those of others, and of other tenants. Lists are in the
    /// order of names, so a cursor outlives a change of what is in them.
    fn mark(&self, list: List) -> String {
        let tenant = self.sight.policy().tenancy().map_or("", Tenancy::id);
        format!("{} {tenant} ", list.member())
    }

    fn registry(&self) -> &'a Registry {
        self.sight.policy().registry()
    }
}

impl Entry {
    /// Whether it has arguments that a server may complete.
    fn completes(&self) -> bool {
        match self.kind {
            Kind::Tool => false,
            Kind::Resource => self.template.is_some(),
            Kind::Prompt => self.member("arguments").is_some(),
        }
    }

    /// Whether its server may take its time and give the result later.
    fn has_tasks(&self) -> bool {
        let support = self
            .member("execution")
            .and_then(|it| it.get("taskSupport"));
        support
            .and_then(Value::as_str)
            .is_some_and(|support| support != "forbidden")
    }

    fn member(&self, name: &str) -> Option<&Value> {
        let mut members = self.members.iter();
        members.find_map(|(key, value)| (*key == name).then_some(value))
    }
}

const BAD_CURSOR: Fault = Fault::Params("`cursor` is not one of this list");
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
const TASKS: &str = "io.modelcontextprotocol/tasks";
/// How long what is said may be kept, in milliseconds.
const TTL_MS: u32 = 60_000;
/// Bytes of a page, unless a single entry is larger: as much as clients take in one message.
const MAX_PAGE: usize = 1_000_000;

#[cfg(test)]
mod tests;
