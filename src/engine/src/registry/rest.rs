//! Servers that speak plain HTTP, and the tools that they have.

use serde_json::Value;

use super::{Entry, Kind, build::Build};
use crate::{
    config::{self, Protocol},
    problem::Problem,
    rest::Template,
};

impl Build {
    /// The requests that calls of a tool become.
    pub(super) fn template(
        &mut self,
        at: &str,
        written: Option<&config::Http>,
        schema: &Value,
    ) -> Option<Template> {
        match Template::compile(written?, schema) {
            Ok(template) => Some(template),
            Err(problems) => {
                let at = format!("{at}.http");
                let problems = problems.into_iter().map(|problem| problem.below(&at));
                self.problems.extend(problems);
                None
            }
        }
    }

    /// What a server that speaks plain HTTP cannot have; gives the path that is before those of its
    /// tools.
    pub(super) fn plain(&mut self, server: &config::Server, path: Option<&str>) -> String {
        let at = &server.at;
        let speaks = "means nothing where `protocol` is `http`: it speaks no MCP";
        for (field, written) in [
            ("endpoint", server.endpoint.is_some()),
            ("requests", server.requests.is_some()),
            ("instructions", server.instructions.is_some()),
            ("pin", server.pin.is_some()),
        ] {
            if written {
                self.wrong(at, field, speaks);
            }
        }
        if self.registry.virtual_server.is_none() {
            let message = "a server that speaks plain HTTP is reached by a `virtual` server only";
            let problem = Problem::new(format!("{at}.protocol"), message);
            self.problems.push(problem.help("write `virtual: {}`"));
        }
        let path = path.unwrap_or_default();
        if path.contains('?') {
            self.wrong(at, "path", "a query belongs to the tools");
        }
        path.trim_end_matches('/').to_owned()
    }

    /// Holds an entry against what its server speaks.
    pub(super) fn speaks(&mut self, at: &str, entry: &Entry, written: bool, renamed: bool) {
        let id = &entry.server;
        let Some(server) = self.registry.servers.get(id) else {
            return;
        };
        match (server.protocol == Protocol::Http, entry.kind) {
            (true, Kind::Tool) => {
                if !written {
                    let message = format!("missing field `http`: server `{id}` speaks plain HTTP");
                    self.wrong(at, "", message);
                }
                for (field, written) in [("mcpTool", renamed), ("pin", entry.pin.is_some())] {
                    if written {
                        let message = format!("server `{id}` speaks plain HTTP: it has no tools");
                        self.wrong(at, field, message);
                    }
                }
            }
            (true, Kind::Resource | Kind::Prompt) => {
                let message = format!("server `{id}` speaks plain HTTP: it can have tools only");
                self.wrong(at, "mcpServer", message);
            }
            (false, Kind::Tool | Kind::Resource | Kind::Prompt) => {
                if written {
                    let message = format!("server `{id}` speaks MCP");
                    let problem = Problem::new(format!("{at}.http"), message);
                    let help = format!("write `protocol: http` at server `{id}`");
                    self.problems.push(problem.help(help));
                }
            }
        }
    }
}
