//! The filter itself: its settings, and the bundle in it.

use engine::{Gateway, config::Bundle};

use super::{At, Review};
use crate::{lint::Lint, report::Level};

pub(super) const LINTS: &[&Lint] = &[
    &NO_FILTER,
    &HEADER_STOP,
    &FAILS_OPEN,
    &NO_RELOAD,
    &SHARED_VM,
    &BUNDLE,
];

const NO_FILTER: Lint = Lint {
    code: "envoy-no-filter",
    level: Level::Error,
    page: include_str!("../../../../../policies/lints/envoy-no-filter.md"),
};

const HEADER_STOP: Lint = Lint {
    code: "envoy-header-stop",
    level: Level::Error,
    page: include_str!("../../../../../policies/lints/envoy-header-stop.md"),
};

const FAILS_OPEN: Lint = Lint {
    code: "envoy-fails-open",
    level: Level::Error,
    page: include_str!("../../../../../policies/lints/envoy-fails-open.md"),
};

const NO_RELOAD: Lint = Lint {
    code: "envoy-no-reload",
    level: Level::Warning,
    page: include_str!("../../../../../policies/lints/envoy-no-reload.md"),
};

const SHARED_VM: Lint = Lint {
    code: "envoy-shared-vm",
    level: Level::Warning,
    page: include_str!("../../../../../policies/lints/envoy-shared-vm.md"),
};

const BUNDLE: Lint = Lint {
    code: "envoy-bundle",
    level: Level::Error,
    page: include_str!("../../../../../policies/lints/envoy-bundle.md"),
};

pub(super) fn review(review: &mut Review<'_>) {
    let plugins: Vec<_> = review.everything().iter().filter_map(plugin).collect();
    let hosted: Vec<_> = review.documents.iter().filter_map(hosted).collect();
    for at in &hosted {
        let kind = at.text("kind");
        let message =
            format!("a `{kind}` has no way to hold a request's head until its body is judged");
        let help =
            "write the object that `toolgate render --for istio` or `--for envoy-gateway` gives";
        review.tell(&HEADER_STOP, at, "kind", message, help);
    }
    if plugins.is_empty()
        && hosted.is_empty()
        && let Some(first) = review.documents.first().cloned()
    {
        let message = "Toolgate's filter is nowhere in these files".to_owned();
        let help = "give all files that make up the configuration";
        review.tell(&NO_FILTER, &first, "", message, help);
    }
    for plugin in &plugins {
        settings(review, plugin);
        bundle(review, plugin);
    }
}

/// The `PluginConfig` of Toolgate's filter.
pub(super) fn plugin<'v>(at: &At<'v>) -> Option<At<'v>> {
    let (kind, message) = at.message()?;
    let config = message.field("config").filter(|_| kind == "Wasm")?;
    is_ours(&config).then_some(config)
}

/// Other filters may be in WebAssembly as well.
fn is_ours(config: &At<'_>) -> bool {
    let text = config.value.to_string();
    text.contains("toolgate") || bundle_text(config).contains("\"registry\"")
}

fn bundle_text(config: &At<'_>) -> String {
    config.text("configuration/value")
}

/// Objects of Kubernetes that make a filter without the setting it needs.
fn hosted<'v>(document: &At<'v>) -> Option<At<'v>> {
    let can = match document.text("kind").as_str() {
        "WasmPlugin" | "TrafficExtension" => document.field("spec"),
        "EnvoyExtensionPolicy" => document.at("spec/wasm"),
        _ => None,
    };
    let spec = can?.value.to_string();
    let ours = spec.contains("toolgate") || spec.contains("\"registry\"");
    ours.then(|| document.clone())
}

fn settings(review: &mut Review<'_>, plugin: &At<'_>) {
    const FLAG: &str = "allow_on_headers_stop_iteration";
    let flag = plugin.field(FLAG);
    if flag.as_ref().is_none_or(|flag| *flag.value != true) {
        let field = flag.map_or("", |_| FLAG);
        let message = "requests are not held until they are judged: none passes".to_owned();
        let help = format!("add `{FLAG}: true`");
        review.tell(&HEADER_STOP, plugin, field, message, &help);
    }
    let policy = plugin.text("failure_policy");
    let open = plugin
        .field("fail_open")
        .is_some_and(|at| *at.value == true);
    let help = "write `failure_policy: FAIL_RELOAD`";
    if policy == "FAIL_OPEN" || open {
        let field = if open { "fail_open" } else { "failure_policy" };
        let message = "should the filter fail, requests pass unjudged".to_owned();
        review.tell(&FAILS_OPEN, plugin, field, message, help);
    } else if policy != "FAIL_RELOAD" {
        let field = if policy.is_empty() {
            ""
        } else {
            "failure_policy"
        };
        let message = "should the filter fail once, its worker answers 503 for ever".to_owned();
        review.tell(&NO_RELOAD, plugin, field, message, help);
    }
    if plugin.text("vm_config/vm_id").is_empty() {
        let message = "plugins without a `vm_id` share what they keep in memory".to_owned();
        review.tell(
            &SHARED_VM,
            plugin,
            "vm_config",
            message,
            "add `vm_id: toolgate`",
        );
    }
}

/// What the filter would say of its configuration as it starts.
fn bundle(review: &mut Review<'_>, plugin: &At<'_>) {
    let text = bundle_text(plugin);
    let field = "configuration";
    if text.is_empty() {
        let message = "the filter has no bundle: it refuses to start".to_owned();
        let help = "add a `google.protobuf.StringValue` that holds what `toolgate bundle` writes";
        return review.tell(&BUNDLE, plugin, "", message, help);
    }
    match Bundle::from_json(text.as_bytes()).and_then(Gateway::compile) {
        Err(problems) => {
            for problem in problems {
                let message = format!("the bundle is refused: {problem}");
                review.tell(
                    &BUNDLE,
                    plugin,
                    field,
                    message,
                    "make it again with `toolgate bundle`",
                );
            }
        }
        Ok(found) => match &review.policy {
            None => review.policy = found.policies().next().cloned(),
            Some(wanted) if found.policies().all(|one| one.digest() != wanted.digest()) => {
                let message = "the bundle is not the one that the files give".to_owned();
                let help = "render it again, or give the files it was made from";
                review.tell(&BUNDLE, plugin, field, message, help);
            }
            Some(_) => {}
        },
    }
}
