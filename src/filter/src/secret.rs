//! The secret of this gateway: from Envoy's environment, or one of this Envoy's own.

use std::{env, sync::OnceLock};

use engine::{cx::Store, problem::Problem, seal::Seal};

use crate::host::{self, Level, Shared};

/// The seal of this VM, made once.
///
/// # Errors
/// A [`Problem`]: there is no secret that could be used.
pub(crate) fn seal() -> Result<&'static Seal, Problem> {
    static SEAL: OnceLock<Result<Seal, Problem>> = OnceLock::new();
    SEAL.get_or_init(|| secret().map(|secret| Seal::new(&secret)))
        .as_ref()
        .map_err(Problem::clone)
}

fn secret() -> Result<Vec<u8>, Problem> {
    let problem = |message: &str| Problem::new("", format!("`{VARIABLE}` {message}"));
    match env::var(VARIABLE) {
        Ok(secret) if secret.len() < MIN => Err(problem("must have at least 32 bytes")),
        Ok(secret) => Ok(secret.into_bytes()),
        Err(env::VarError::NotUnicode(_)) => Err(problem("must be text")),
        Err(env::VarError::NotPresent) => own()
            .filter(|secret| secret.len() == MIN)
            .ok_or_else(|| problem("is not set, and the host keeps no secret of its own")),
    }
}

/// One that was drawn at random, by whichever worker came first.
fn own() -> Option<Vec<u8>> {
    let mut drawn = [0; MIN];
    getrandom::fill(&mut drawn).ok()?;
    let store: &dyn Store = &Shared;
    let (first, secret) = store.change(KEY, |kept| match kept {
        [] => ((true, drawn.to_vec()), drawn.to_vec()),
        kept => ((false, kept.to_vec()), kept.to_vec()),
    })?;
    if first {
        let line = format!(
            "`{VARIABLE}` is not set: what clients carry for this gateway, as ids of tasks, is good \
             for this Envoy alone, and until it ends"
        );
        host::log(Level::Info, &line);
    }
    Some(secret)
}

/// Where Envoy's environment has it; the VM has to be given it (`vm_config.environment_variables`).
const VARIABLE: &str = "TOOLGATE_SEAL_KEY";
/// Where workers share it.
const KEY: &str = "toolgate.secret";
const MIN: usize = 32;
