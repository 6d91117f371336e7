//! Carries bytes between Envoy and the engine.
