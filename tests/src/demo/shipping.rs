//! Shipping: where parcels are. It speaks plain HTTP, as most services do.

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::json;

/// Parcels at `/v1/orders/{orderId}/shipment`.
pub fn router() -> Router {
    Router::new().route("/v1/orders/{order_id}/shipment", get(shipment))
}

async fn shipment(Path(order_id): Path<String>) -> impl IntoResponse {
    let parcel = PARCELS.iter().find(|parcel| parcel.0 == order_id);
    let (status, media, body) = match parcel {
        Some((order_id, carrier, state, expected)) => (
            StatusCode::OK,
            "application/json",
            json!({ "orderId": order_id, "carrier": carrier, "state": state,
                    "expected": expected, "depot": "DUB-2" }),
        ),
        None => (
            StatusCode::NOT_FOUND,
            "application/problem+json",
            json!({ "title": format!("nothing was shipped for {order_id}") }),
        ),
    };
    (status, [(CONTENT_TYPE, media)], body.to_string())
}

/// Order, carrier, state, expected on.
const PARCELS: [(&str, &str, &str, &str); 3] = [
    ("O-9006", "Post", "in transit", "2026-04-14"),
    ("O-9005", "Freight", "delivered", "2026-04-09"),
    ("O-9004", "Post", "delivered", "2026-02-20"),
];
