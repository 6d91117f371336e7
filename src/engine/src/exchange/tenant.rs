//! An exchange within what its policy's tenant has for itself.

use std::sync::Arc;

use super::Exchange;
use crate::cx::Cx;

impl Exchange {
    /// Does something in what the policy's tenant has for itself.
    pub(super) fn within<T>(
        &mut self,
        all: &Cx<'_>,
        act: impl FnOnce(&mut Self, &Cx<'_>) -> T,
    ) -> T {
        let policy = Arc::clone(&self.policy);
        let Some(tenancy) = policy.tenancy() else {
            return act(self, all);
        };
        let seal = self.seal.take().unwrap_or_else(|| tenancy.seal(all.seal));
        let result = act(self, &tenancy.surroundings(all, &seal).cx());
        self.seal = Some(seal);
        result
    }
}
