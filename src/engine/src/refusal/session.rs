//! What is wrong with a session at the virtual server.

/// Why a request belongs to no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionFault {
    /// It names none, where one is needed.
    Missing,
    /// The one that it names has ended, is another caller's, or was never given out.
    Unknown,
    /// It answers what no server has asked in it.
    Unasked,
    /// It wants what follows an event that was not sent in it.
    Unsent,
}

impl SessionFault {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Missing => "no_session",
            Self::Unknown => "unknown_session",
            Self::Unasked => "unasked",
            Self::Unsent => "unsent",
        }
    }

    /// At 404 clients begin a new session (MCP 2025-11-25, "Session Management").
    pub(super) const fn status(self) -> u16 {
        match self {
            Self::Missing | Self::Unasked | Self::Unsent => 400,
            Self::Unknown => 404,
        }
    }

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Missing => "`Mcp-Session-Id` is missing: the session begins with `initialize`",
            Self::Unknown => "there is no such session",
            Self::Unasked => "this answers no request of this session",
            Self::Unsent => "`Last-Event-ID` names no event of this session",
        }
    }
}
