//! What templates show: names, times and people, ready to be read.

use std::fmt;

use askama::filters::HtmlSafe;
use engine::{
    approval::{Approver, Ask},
    cx::Timestamp,
    visible::is_hidden,
};

use super::{
    assets::{ASSETS, Assets},
    payload::preview,
    visitor::Visitor,
};
use crate::{
    Service,
    store::{Approval, Event, State, Verdict},
};

/// What is around each page.
pub(super) struct Frame {
    /// Who looks; nobody where nobody is known.
    pub(super) person: Option<String>,
    /// Whether we can log them out.
    pub(super) here: bool,
    /// Whether they see to it that webhooks are told.
    pub(super) operates: bool,
    /// The page that this is, for the menu.
    pub(super) place: &'static str,
    pub(super) assets: &'static Assets,
}

/// A moment, as people say it.
pub(super) struct When {
    /// RFC 3339.
    pub(super) at: String,
    /// `3 min ago`, `in 12 min`.
    pub(super) told: String,
    /// To the second.
    pub(super) full: String,
}

/// An ask in a list.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) tool: String,
    pub(super) state: State,
    pub(super) risk: Option<Risk>,
    /// The first members of what will be executed: names and values.
    pub(super) preview: Vec<(String, String)>,
    pub(super) who: Who,
    pub(super) needs: String,
    pub(super) rule: Option<String>,
    pub(super) created: When,
    pub(super) expires: Option<When>,
    /// Who had the last word, and what it was.
    pub(super) decided: Option<(String, &'static str)>,
}

/// How much harm a wrong use can do.
pub(super) struct Risk(pub(super) String);

/// On whose behalf, by which agent, where.
pub(super) struct Who {
    pub(super) user: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) environment: Option<String>,
}

/// Text from strangers: escaped, kept from reordering what is around it, and with everything in it
/// that would not show made visible.
pub(super) struct Shown<'a>(pub(super) &'a str);

impl Frame {
    pub(super) fn new(service: &Service, visitor: &Visitor, place: &'static str) -> Self {
        Self {
            person: Some(visitor.person.id.clone()),
            here: visitor.here,
            operates: service.operates(&visitor.person),
            place,
            assets: &ASSETS,
        }
    }

    pub(super) fn empty() -> Self {
        Self {
            person: None,
            here: false,
            operates: false,
            place: "",
            assets: &ASSETS,
        }
    }
}

impl When {
    pub(super) fn new(at: Timestamp, now: Timestamp) -> Self {
        let seconds = now.0.saturating_sub(at.0) / SECOND;
        let (many, unit) = match seconds.unsigned_abs() {
            0..=1 => (0, ""),
            seconds @ 2..=89 => (seconds, "s"),
            seconds @ 90..=5_399 => ((seconds + 30) / 60, "min"),
            seconds @ 5_400..=172_799 => ((seconds + 1_800) / 3_600, "h"),
            seconds => ((seconds + 43_200) / 86_400, "days"),
        };
        let told = match (many, seconds < 0) {
            (0, _) => "now".to_owned(),
            (_, false) => format!("{many} {unit} ago"),
            (_, true) => format!("in {many} {unit}"),
        };
        Self {
            at: at.rfc3339(),
            told,
            full: at.utc().format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        }
    }
}

impl Row {
    pub(super) fn new(approval: Approval, now: Timestamp) -> Self {
        let open = matches!(approval.state, State::Pending | State::Approved);
        let last = approval.votes.last();
        Self {
            risk: Risk::new(&approval.ask),
            preview: preview(approval.ask.arguments.text()),
            who: Who::new(&approval.ask),
            needs: needs(&approval.ask),
            rule: approval.ask.rule.clone(),
            created: When::new(approval.created_at, now),
            expires: open.then(|| When::new(approval.expires_at, now)),
            decided: last.map(|vote| (vote.person.clone(), past(vote.verdict))),
            state: approval.state,
            id: approval.id,
            tool: approval.ask.tool,
        }
    }
}

impl Risk {
    pub(super) fn new(ask: &Ask) -> Option<Self> {
        ask.risk_tier.clone().map(Self)
    }

    /// What the style sheet knows it as.
    pub(super) fn class(&self) -> &'static str {
        match self.0.as_str() {
            "high" => "high",
            "medium" => "medium",
            _ => "low",
        }
    }
}

impl Who {
    pub(super) fn new(ask: &Ask) -> Self {
        Self {
            user: ask.user.clone(),
            agent: ask.agent.clone(),
            tenant: ask.tenant.clone(),
            environment: ask.environment.clone(),
        }
    }
}

/// Who has to approve, in a few words.
fn needs(ask: &Ask) -> String {
    let needs = ask
        .needs
        .iter()
        .map(|need| match (&need.approver, need.approvals) {
            (Approver::User, _) => "the user".to_owned(),
            (Approver::Role(role), 0 | 1) => role.clone(),
            (Approver::Role(role), many) => format!("{many} × {role}"),
        });
    needs.collect::<Vec<_>>().join(" and ")
}

const fn past(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "approved",
        Verdict::Deny => "refused",
        Verdict::Revoke => "taken back",
    }
}

impl State {
    /// As people say it.
    pub(super) const fn told(self) -> &'static str {
        match self {
            Self::Pending => "waiting",
            Self::Approved => "approved",
            Self::Denied => "refused",
            Self::Revoked => "taken back",
            Self::Expired => "expired",
            Self::Used => "executed",
        }
    }
}

impl Event {
    /// As people say it.
    pub(super) const fn told(self) -> &'static str {
        match self {
            Self::Opened => "asked",
            Self::Approved => "approved",
            Self::Denied => "refused",
            Self::Revoked => "taken back",
            Self::Expired => "expired",
            Self::Used => "executed",
            Self::Unmasked => "unmasked",
            Self::Escalated => "escalated",
            Self::Delegated => "lent",
            Self::Withdrawn => "no longer lent",
        }
    }
}

/// Parameters of a URL.
pub(super) fn query(parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters).finish()
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<bdi>")?;
        for c in self.0.chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c if is_hidden(c) => {
                    let code = u32::from(c);
                    write!(
                        f,
                        "<mark title=\"a character that does not show\">U+{code:04X}</mark>"
                    )?;
                }
                '\n' => f.write_str("<i>↵</i>\n")?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("</bdi>")
    }
}

impl HtmlSafe for Shown<'_> {}

const SECOND: i64 = 1_000_000_000;
