//! What calls cost.

use std::collections::BTreeMap;

use super::{Policy, rule::facts};
use crate::{
    call::Call,
    condition::{Fault, Formula, Fuel},
    problem::Problem,
    registry::{Cost, Registry},
};

/// Formulas by the slot of their entry.
pub(super) type Formulas = BTreeMap<usize, Formula>;

impl Policy {
    /// What a call costs, in units.
    ///
    /// # Errors
    /// What keeps a formula from giving a number; it has fuel of its own. The caller denies.
    pub fn cost(&self, call: &Call<'_>) -> Result<u64, Fault> {
        match (&call.entry.cost, self.formulas.get(&call.entry.tool)) {
            (Cost::Fixed(units), _) => Ok(*units),
            (Cost::Formula(_), Some(formula)) => {
                formula.eval(&facts(call, self.environment()), &mut Fuel::default())
            }
            // No policy is made from a configuration with a formula that does not compile.
            (Cost::Formula(_), None) => Err(Fault::Invalid("a formula")),
        }
    }
}

/// Compiles what entries cost.
pub(super) fn formulas(
    registry: &Registry,
    places: &[String],
    problems: &mut Vec<Problem>,
) -> Formulas {
    let mut formulas = Formulas::new();
    for entry in registry.entries() {
        let (Cost::Formula(source), Some(at)) = (&entry.cost, places.get(entry.slot)) else {
            continue;
        };
        match Formula::compile(source) {
            Ok(formula) => {
                formulas.insert(entry.slot, formula);
            }
            Err(problem) => problems.push(problem.below(&format!("{at}.cost"))),
        }
    }
    formulas
}
