//! A filter that does nothing: what the bench holds Toolgate against.
#![expect(missing_docs, reason = "the entry point is the SDK's macro, not ours")]

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Plugin));
}}

struct Plugin;

impl Context for Plugin {}

impl RootContext for Plugin {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Stream;

impl Context for Stream {}

impl HttpContext for Stream {}
