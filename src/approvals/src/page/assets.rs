//! What the pages look like and how they live: files within the program, named by their content so
//! that browsers may keep them.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use engine::digest::sha256;

use super::Fault;
use crate::error::Error;

/// Where the pages find the files.
pub(super) struct Assets {
    pub(super) style: Asset,
    pub(super) script: Asset,
    pub(super) icon: Asset,
}

/// One file.
pub(super) struct Asset {
    /// With the digest of its content.
    pub(super) name: String,
    kind: &'static str,
    text: &'static str,
}

pub(super) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: Asset::new(
        "css",
        "text/css; charset=utf-8",
        include_str!("../../assets/page.css"),
    ),
    script: Asset::new(
        "js",
        "text/javascript; charset=utf-8",
        include_str!("../../assets/page.js"),
    ),
    icon: Asset::new(
        "svg",
        "image/svg+xml",
        include_str!("../../assets/icon.svg"),
    ),
});

impl Asset {
    fn new(ending: &str, kind: &'static str, text: &'static str) -> Self {
        let digest = sha256(text.as_bytes());
        Self {
            name: format!("{}.{ending}", digest.get(..16).unwrap_or(&digest)),
            kind,
            text,
        }
    }
}

pub(super) async fn serve(Path(name): Path<String>) -> Result<Response, Fault> {
    let files = [&ASSETS.style, &ASSETS.script, &ASSETS.icon];
    let Some(asset) = files.into_iter().find(|asset| asset.name == name) else {
        return Err(Error::nothing_here().into());
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        ),
    ];
    Ok((headers, asset.text).into_response())
}
