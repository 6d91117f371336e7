//! Black-box tests: real Envoy, real clients, real servers.
