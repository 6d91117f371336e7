//! The methods a client may send, and what each of them is about.

use std::borrow::Cow;

use crate::{
    json::{Kind, Node},
    registry::List,
    rpc::{era::Era, fault::Fault, message::MessageKind},
};

/// Every method and notification of MCP that a client may send, in any era.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// `initialize`
    Initialize,
    /// `ping`
    Ping,
    /// `server/discover`
    Discover,
    /// `tools/list`
    ToolsList,
    /// `tools/call`
    ToolsCall,
    /// `resources/list`
    ResourcesList,
    /// `resources/templates/list`
    TemplatesList,
    /// `resources/read`
    ResourcesRead,
    /// `resources/subscribe`
    ResourcesSubscribe,
    /// `resources/unsubscribe`
    ResourcesUnsubscribe,
    /// `prompts/list`
    PromptsList,
    /// `prompts/get`
    PromptsGet,
    /// `completion/complete`
    Complete,
    /// `logging/setLevel`
    SetLevel,
    /// `subscriptions/listen`
    Listen,
    /// `tasks/get`
    TasksGet,
    /// `tasks/result`
    TasksResult,
    /// `tasks/list`
    TasksList,
    /// `tasks/cancel`
    TasksCancel,
    /// `tasks/update`
    TasksUpdate,
    /// `notifications/initialized`
    Initialized,
    /// `notifications/cancelled`
    Cancelled,
    /// `notifications/progress`
    Progress,
    /// `notifications/roots/list_changed`
    RootsChanged,
    /// `notifications/tasks/status`
    TaskStatus,
    /// Anything else.
    Other,
}

/// What a message is about: what policy has to judge before it may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// The tool of this name is called.
    Tool(Cow<'a, str>),
    /// The prompt of this name is fetched, or an argument of it completed.
    Prompt(Cow<'a, str>),
    /// The resource at this URI is read, watched or let go, or a variable of this URI template is
    /// completed.
    Resource(Cow<'a, str>),
    /// Changes are watched (`subscriptions/listen`): of lists, and of these.
    Watched {
        /// URIs of resources.
        resources: Vec<Cow<'a, str>>,
        /// Ids of tasks.
        tasks: Vec<Cow<'a, str>>,
    },
    /// The task of this id is looked at, answered or cancelled.
    Task(Cow<'a, str>),
    /// What there is is listed.
    List(List),
    /// Tasks are listed.
    Tasks,
    /// Nothing registered: handshake, ping, notifications, responses.
    Plumbing,
    /// Not known: nobody can say what it is about.
    Unknown,
}

impl Method {
    /// The method of this name; names are compared exactly.
    #[must_use]
    pub fn named(name: &str) -> Self {
        NAMES
            .iter()
            .find(|(n, _)| *n == name)
            .map_or(Self::Other, |(_, method)| *method)
    }

    /// What it comes as; `None` where that is not known.
    #[must_use]
    pub const fn kind(self) -> Option<MessageKind> {
        match self {
            Self::Initialized
            | Self::Cancelled
            | Self::Progress
            | Self::RootsChanged
            | Self::TaskStatus => Some(MessageKind::Notification),
            Self::Other => None,
            Self::Initialize
            | Self::Ping
            | Self::Discover
            | Self::ToolsList
            | Self::ToolsCall
            | Self::ResourcesList
            | Self::TemplatesList
            | Self::ResourcesRead
            | Self::ResourcesSubscribe
            | Self::ResourcesUnsubscribe
            | Self::PromptsList
            | Self::PromptsGet
            | Self::Complete
            | Self::SetLevel
            | Self::Listen
            | Self::TasksGet
            | Self::TasksResult
            | Self::TasksList
            | Self::TasksCancel
            | Self::TasksUpdate => Some(MessageKind::Request),
        }
    }

    /// Whether the era has it. Notifications that either era knows pass in both: they ask for
    /// nothing, and servers of both eras take what they do not need with a 202.
    #[must_use]
    pub const fn is_in(self, era: Era) -> bool {
        match self {
            Self::Initialize
            | Self::Ping
            | Self::ResourcesSubscribe
            | Self::ResourcesUnsubscribe
            | Self::SetLevel
            | Self::TasksResult
            | Self::TasksList => matches!(era, Era::Legacy),
            Self::Discover | Self::Listen | Self::TasksUpdate => matches!(era, Era::Modern),
            Self::Other => false,
            Self::ToolsList
            | Self::ToolsCall
            | Self::ResourcesList
            | Self::TemplatesList
            | Self::ResourcesRead
            | Self::PromptsList
            | Self::PromptsGet
            | Self::Complete
            | Self::TasksGet
            | Self::TasksCancel
            | Self::Initialized
            | Self::Cancelled
            | Self::Progress
            | Self::RootsChanged
            | Self::TaskStatus => true,
        }
    }

    /// The member of `params` that the `mcp-name` header repeats.
    pub(crate) const fn name_member(self) -> Option<&'static str> {
        match self {
            Self::ToolsCall | Self::PromptsGet => Some("name"),
            Self::ResourcesRead | Self::ResourcesSubscribe | Self::ResourcesUnsubscribe => {
                Some("uri")
            }
            Self::TasksGet | Self::TasksResult | Self::TasksCancel | Self::TasksUpdate => {
                Some("taskId")
            }
            Self::Initialize
            | Self::Ping
            | Self::Discover
            | Self::ToolsList
            | Self::ResourcesList
            | Self::TemplatesList
            | Self::PromptsList
            | Self::Complete
            | Self::SetLevel
            | Self::Listen
            | Self::TasksList
            | Self::Initialized
            | Self::Cancelled
            | Self::Progress
            | Self::RootsChanged
            | Self::TaskStatus
            | Self::Other => None,
        }
    }

    /// What a message of this method is about.
    ///
    /// # Errors
    /// [`Fault::Params`] where `params` does not say it in the form that the method demands.
    pub(super) fn target(self, params: Option<Node<'_>>) -> Result<Target<'_>, Fault> {
        match self {
            Self::ToolsCall => {
                object_or_absent(params, "arguments", "`arguments` must be an object")?;
                text(params, "name", "`name` must be a string").map(Target::Tool)
            }
            Self::PromptsGet => {
                object_or_absent(params, "arguments", "`arguments` must be an object")?;
                text(params, "name", "`name` must be a string").map(Target::Prompt)
            }
            Self::ResourcesRead | Self::ResourcesSubscribe | Self::ResourcesUnsubscribe => {
                text(params, "uri", "`uri` must be a string").map(Target::Resource)
            }
            Self::TasksGet | Self::TasksResult | Self::TasksCancel | Self::TasksUpdate => {
                text(params, "taskId", "`taskId` must be a string").map(Target::Task)
            }
            Self::Complete => reference(params),
            Self::Listen => watched(params),
            Self::ToolsList => Ok(Target::List(List::Tools)),
            Self::ResourcesList => Ok(Target::List(List::Resources)),
            Self::TemplatesList => Ok(Target::List(List::Templates)),
            Self::PromptsList => Ok(Target::List(List::Prompts)),
            Self::TasksList => Ok(Target::Tasks),
            Self::Initialize
            | Self::Ping
            | Self::Discover
            | Self::SetLevel
            | Self::Initialized
            | Self::Cancelled
            | Self::Progress
            | Self::RootsChanged
            | Self::TaskStatus => Ok(Target::Plumbing),
            Self::Other => Ok(Target::Unknown),
        }
    }
}

fn text<'a>(
    params: Option<Node<'a>>,
    member: &str,
    problem: &'static str,
) -> Result<Cow<'a, str>, Fault> {
    params
        .and_then(|p| p.get(member))
        .and_then(Node::str)
        .ok_or(Fault::Params(problem))
}

fn object_or_absent(
    params: Option<Node<'_>>,
    member: &str,
    problem: &'static str,
) -> Result<(), Fault> {
    match params.and_then(|p| p.get(member)) {
        Some(node) if node.kind() != Kind::Object => Err(Fault::Params(problem)),
        _ => Ok(()),
    }
}

/// `completion/complete`: `ref` names a prompt or a resource template.
fn reference(params: Option<Node<'_>>) -> Result<Target<'_>, Fault> {
    let reference = params.and_then(|p| p.get("ref"));
    let kind = text(reference, "type", "`ref.type` must be a string")?;
    match kind.as_ref() {
        "ref/prompt" => text(reference, "name", "`ref.name` must be a string").map(Target::Prompt),
        "ref/resource" => {
            text(reference, "uri", "`ref.uri` must be a string").map(Target::Resource)
        }
        _ => Err(Fault::Params(
            "`ref.type` must be `ref/prompt` or `ref/resource`",
        )),
    }
}

/// `subscriptions/listen`: what it opens a stream for.
fn watched(params: Option<Node<'_>>) -> Result<Target<'_>, Fault> {
    const PROBLEM: &str = "`notifications` must be an object";
    object_or_absent(params, "notifications", PROBLEM)?;
    let Some(wanted) = params.and_then(|p| p.get("notifications")) else {
        return Err(Fault::Params(PROBLEM));
    };
    let resources = texts(wanted.get("resourceSubscriptions"));
    let tasks = texts(wanted.get("taskIds"));
    Ok(Target::Watched {
        resources: resources.ok_or(Fault::Params(
            "`notifications.resourceSubscriptions` must be a list of strings",
        ))?,
        tasks: tasks.ok_or(Fault::Params(
            "`notifications.taskIds` must be a list of strings",
        ))?,
    })
}

/// The items of a list of strings, which may be absent.
fn texts(list: Option<Node<'_>>) -> Option<Vec<Cow<'_, str>>> {
    match list {
        Some(list) if list.kind() == Kind::Array => list.items().map(Node::str).collect(),
        Some(_) => None,
        None => Some(Vec::new()),
    }
}

const NAMES: &[(&str, Method)] = &[
    ("initialize", Method::Initialize),
    ("ping", Method::Ping),
    ("server/discover", Method::Discover),
    ("tools/list", Method::ToolsList),
    ("tools/call", Method::ToolsCall),
    ("resources/list", Method::ResourcesList),
    ("resources/templates/list", Method::TemplatesList),
    ("resources/read", Method::ResourcesRead),
    ("resources/subscribe", Method::ResourcesSubscribe),
    ("resources/unsubscribe", Method::ResourcesUnsubscribe),
    ("prompts/list", Method::PromptsList),
    ("prompts/get", Method::PromptsGet),
    ("completion/complete", Method::Complete),
    ("logging/setLevel", Method::SetLevel),
    ("subscriptions/listen", Method::Listen),
    ("tasks/get", Method::TasksGet),
    ("tasks/result", Method::TasksResult),
    ("tasks/list", Method::TasksList),
    ("tasks/cancel", Method::TasksCancel),
    ("tasks/update", Method::TasksUpdate),
    ("notifications/initialized", Method::Initialized),
    ("notifications/cancelled", Method::Cancelled),
    ("notifications/progress", Method::Progress),
    ("notifications/roots/list_changed", Method::RootsChanged),
    ("notifications/tasks/status", Method::TaskStatus),
];
