//! What stands before the filter and what after it.

use super::{At, Review, filter};
use crate::{lint::Lint, report::Level};

pub(super) const LINTS: &[&Lint] = &[&ORDER, &CLAIMS, &REFUSED_TOKENS];

const ORDER: Lint = Lint {
    code: "envoy-filter-order",
    level: Level::Error,
    page: include_str!("../../../../../policies/lints/envoy-filter-order.md"),
};

const CLAIMS: Lint = Lint {
    code: "envoy-claims",
    level: Level::Error,
    page: include_str!("../../../../../policies/lints/envoy-claims.md"),
};

const REFUSED_TOKENS: Lint = Lint {
    code: "envoy-refused-tokens",
    level: Level::Warning,
    page: include_str!("../../../../../policies/lints/envoy-refused-tokens.md"),
};

/// A filter of HTTP, as far as its place matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Toolgate,
    Tokens,
    Decompressor,
    Compressor,
    Router,
    Other,
}

pub(super) fn review(review: &mut Review<'_>) {
    for chain in chains(review) {
        let kinds: Vec<_> = chain.iter().map(kind).collect();
        let found = |wanted| {
            chain
                .iter()
                .zip(&kinds)
                .enumerate()
                .find(|(_, (_, kind))| **kind == wanted)
        };
        let Some((ours, (toolgate, _))) = found(Kind::Toolgate) else {
            continue;
        };
        for (place, (at, kind)) in chain.iter().zip(&kinds).enumerate() {
            let (message, help) = match kind {
                Kind::Tokens if place > ours => (
                    "tokens are verified after Toolgate has asked who calls",
                    "put it before Toolgate",
                ),
                Kind::Decompressor if place > ours => (
                    "requests are decompressed after Toolgate: it refuses compressed ones",
                    "put it before Toolgate",
                ),
                Kind::Compressor if place > ours => (
                    "answers are compressed before Toolgate sees them: it cannot filter lists",
                    "put it before Toolgate: answers pass the filters from the last to the first",
                ),
                Kind::Router if place < ours => (
                    "the router ends the chain: Toolgate after it sees no request",
                    "put Toolgate before it",
                ),
                Kind::Toolgate
                | Kind::Tokens
                | Kind::Decompressor
                | Kind::Compressor
                | Kind::Router
                | Kind::Other => continue,
            };
            review.tell(&ORDER, at, "", message.to_owned(), help);
        }
        let tokens = found(Kind::Tokens).map(|(_, (at, _))| at);
        claims(review, tokens, toolgate);
    }
}

/// Toolgate, wherever it stands, and the filters that see a request after it.
pub(super) fn after<'v>(review: &Review<'v>) -> Vec<(At<'v>, Vec<At<'v>>)> {
    let chains = chains(review).into_iter();
    let chains = chains.filter_map(|mut chain| {
        let ours = chain.iter().position(|at| kind(at) == Kind::Toolgate)?;
        let after = chain.split_off(ours.saturating_add(1));
        Some((chain.pop()?, after))
    });
    chains.collect()
}

/// Filters in the order in which they see a request.
fn chains<'v>(review: &Review<'v>) -> Vec<Vec<At<'v>>> {
    let everything = review.everything();
    let mut chains: Vec<Vec<_>> = everything
        .iter()
        .filter_map(|at| at.field("http_filters"))
        .map(|list| list.items())
        .collect();
    for document in &review.documents {
        let patched = match document.text("kind").as_str() {
            "EnvoyFilter" => document.at("spec/configPatches").map(|at| istio(&at)),
            "EnvoyPatchPolicy" => document.at("spec/jsonPatches").map(|at| gateway(&at)),
            _ => None,
        };
        chains.extend(patched);
    }
    chains
}

/// What patches put before the router, and after it.
fn istio<'v>(patches: &At<'v>) -> Vec<At<'v>> {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for patch in patches.items() {
        let Some(value) = patch.at("patch/value") else {
            continue;
        };
        if patch.text("applyTo") != "HTTP_FILTER" {
            continue;
        }
        match patch.text("patch/operation").as_str() {
            "INSERT_FIRST" => before.insert(0, value),
            "INSERT_BEFORE" => before.push(value),
            _ => after.push(value),
        }
    }
    before.extend(after);
    before
}

fn gateway<'v>(patches: &At<'v>) -> Vec<At<'v>> {
    let mut chain = Vec::new();
    for patch in patches.items() {
        let path = patch.text("operation/path");
        let place = path.rsplit_once("/http_filters/").map(|(_, place)| place);
        if let (Some(place), Some(value)) = (place, patch.at("operation/value")) {
            let place = place.parse().unwrap_or(chain.len());
            chain.insert(place.min(chain.len()), value);
        }
    }
    chain
}

fn kind(at: &At<'_>) -> Kind {
    if let Some(discovery) = at.field("config_discovery") {
        let wasm = discovery.value.to_string().contains("wasm.v3.Wasm");
        return if wasm { Kind::Toolgate } else { Kind::Other };
    }
    let config = at.field("typed_config");
    if config.as_ref().and_then(filter::plugin).is_some() {
        return Kind::Toolgate;
    }
    let message = config.and_then(|config| config.message());
    match message.as_ref().map(|(kind, _)| kind.as_str()) {
        Some("JwtAuthentication") => Kind::Tokens,
        Some("Decompressor") => Kind::Decompressor,
        Some("Compressor") => Kind::Compressor,
        Some("Router") => Kind::Router,
        _ => Kind::Other,
    }
}

/// Whether the claims that the policy reads come from tokens that somebody verified.
fn claims(review: &mut Review<'_>, tokens: Option<&At<'_>>, toolgate: &At<'_>) {
    let policy = review.policy.clone();
    let issuers = policy.iter().flat_map(|policy| &policy.identity().issuers);
    let issuers: Vec<_> = issuers.map(|issuer| issuer.issuer.clone()).collect();
    let Some(tokens) = tokens else {
        if !issuers.is_empty() {
            let message = "the policy reads tokens, and nothing verifies them: no call passes";
            let help = "put `jwt_authn` before it, as `toolgate render` does";
            review.tell(&CLAIMS, toolgate, "", message.to_owned(), help);
        }
        return;
    };
    let message = tokens.field("typed_config").and_then(|at| at.message());
    let Some((_, config)) = message else {
        return;
    };
    let providers: Vec<_> = config
        .field("providers")
        .map(|providers| {
            let names = providers.value.as_object().into_iter().flatten();
            names
                .filter_map(|(name, _)| providers.field(name))
                .collect()
        })
        .unwrap_or_default();
    for provider in &providers {
        if provider.text("payload_in_metadata") != "jwt_payload" {
            let message = "the filter does not find the claims of these tokens".to_owned();
            let help = "write `payload_in_metadata: jwt_payload`";
            review.tell(&CLAIMS, provider, "", message, help);
        }
    }
    let known: Vec<_> = providers.iter().map(|one| one.text("issuer")).collect();
    for issuer in issuers.iter().filter(|issuer| !known.contains(issuer)) {
        let message = format!("the policy trusts `{issuer}`, and nothing verifies its tokens");
        review.tell(
            &CLAIMS,
            &config,
            "providers",
            message,
            "add a provider for it",
        );
    }
    let rules = config.field("rules").map(|rules| rules.value.to_string());
    let lets_pass = ["allow_missing_or_failed", "allowMissingOrFailed"];
    if rules.is_some_and(|rules| !lets_pass.iter().any(|name| rules.contains(name))) {
        let message = "clients without a good token get a 401 that they cannot act on".to_owned();
        let help = "let them pass with `allow_missing_or_failed: {}`: Toolgate answers them";
        review.tell(&REFUSED_TOKENS, &config, "rules", message, help);
    }
}
