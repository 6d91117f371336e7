//! The fixtures spread over three servers: what each has, and the versions it speaks.

use std::borrow::Cow;

use rmcp::model::ProtocolVersion;
use serde_json::Value;

use super::fixtures;

/// What a server has of the fixtures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of them, in both eras.
    Whole,
    /// Its share of what answers at once; it has sessions, and speaks no later version.
    Legacy,
    /// Its share of what answers at once; it speaks 2026-07-28 alone.
    Modern,
    /// Both eras, and with them what one has and the other has not: questions to the client,
    /// tasks, subscriptions.
    Dual,
}

impl Part {
    /// Servers that have all the fixtures between them, each of them once.
    pub const SPREAD: [Self; 3] = [Self::Legacy, Self::Modern, Self::Dual];

    /// What the server is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "fixtures",
            Self::Legacy => "legacy",
            Self::Modern => "modern",
            Self::Dual => "dual",
        }
    }

    /// What a registry says of the versions it speaks.
    pub fn protocol(self) -> &'static str {
        match self {
            Self::Whole | Self::Dual => "auto",
            Self::Legacy => "2025-11-25",
            Self::Modern => "2026-07-28",
        }
    }

    /// Whether it has a tool or a prompt of that name, or a resource with that URI.
    pub(super) fn has(self, fixture: &str) -> bool {
        self == Self::Whole || self == Self::of(fixture)
    }

    /// Its tools as `tools/list` gives them.
    pub fn tools(self) -> Vec<Value> {
        self.only(fixtures::tools(), "name")
    }

    /// Its prompts as `prompts/list` gives them.
    pub fn prompts(self) -> Vec<Value> {
        self.only(fixtures::prompts(), "name")
    }

    /// Its resources as `resources/list` gives them.
    pub fn resources(self) -> Vec<Value> {
        self.only(fixtures::resources(), "uri")
    }

    /// Its templates as `resources/templates/list` gives them.
    pub fn templates(self) -> Vec<Value> {
        self.only(fixtures::templates(), "uriTemplate")
    }

    fn only(self, mut fixtures: Vec<Value>, key: &str) -> Vec<Value> {
        fixtures.retain(|fixture| self.has(fixture[key].as_str().unwrap_or_default()));
        fixtures
    }

    pub(super) fn versions(self) -> Cow<'static, [ProtocolVersion]> {
        match self {
            Self::Whole | Self::Dual => Cow::Borrowed(ProtocolVersion::KNOWN_VERSIONS),
            Self::Legacy => {
                Cow::Borrowed(ProtocolVersion::known_up_to(&ProtocolVersion::V_2025_11_25))
            }
            Self::Modern => Cow::Owned(vec![ProtocolVersion::V_2026_07_28]),
        }
    }

    fn of(fixture: &str) -> Self {
        match fixture {
            "test_simple_text"
            | "test_embedded_resource"
            | "test_error_handling"
            | "test_multiple_content_types"
            | "test_tool_with_progress"
            | "test_simple_prompt"
            | "test_prompt_with_embedded_resource"
            | "test://static-text" => Self::Legacy,
            "test_image_content"
            | "test_audio_content"
            | "test_header_parameter"
            | "test_prompt_with_arguments"
            | "test_prompt_with_image"
            | "json_schema_2020_12_tool"
            | "test://static-binary" => Self::Modern,
            uri if uri.starts_with("test://template/") => Self::Modern,
            _ => Self::Dual,
        }
    }
}
