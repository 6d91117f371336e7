//! Limits, as they are written on rules and on what is registered.

use serde::{Deserialize, Serialize};

use super::{OneOrMany, is_default};
use crate::limit::{Dimension, Measure, Period, Scope};

/// How much of something may be had. Exactly one amount is said.
///
/// Limits of all rules that match a call, and of what is called, add up: each has to have room for
/// it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Limit {
    /// The name under which it is counted and recorded; without it, one made of the rule's or the
    /// tool's name and what is limited. Limits of the same name share what they count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What has a count of its own: `agent`, or a list, for each combination. Without it, all calls
    /// count together. What is not known of a caller counts as one value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<OneOrMany<Dimension>>,
    /// Who counts: `local`, each Envoy for itself, by default; or `global`, a rate-limit service for
    /// all of them.
    #[serde(skip_serializing_if = "is_default")]
    pub scope: Scope,
    /// How much can be had at once after a while of nothing: then the amount comes back evenly.
    /// Without it, all of it comes back when the clock's next period begins, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<u64>,
    /// Calls at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent_calls: Option<u64>,
    /// Calls in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<u64>,
    /// Calls in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u64>,
    /// Calls in an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_hour: Option<u64>,
    /// Calls in a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_day: Option<u64>,
    /// Calls in a month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_month: Option<u64>,
    /// Bytes of answers in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_bytes_per_second: Option<u64>,
    /// Bytes of answers in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_bytes_per_minute: Option<u64>,
    /// Bytes of answers in an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_bytes_per_hour: Option<u64>,
    /// Bytes of answers in a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_bytes_per_day: Option<u64>,
    /// Bytes of answers in a month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_bytes_per_month: Option<u64>,
    /// Estimated tokens of answers in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_second: Option<u64>,
    /// Estimated tokens of answers in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
    /// Estimated tokens of answers in an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_hour: Option<u64>,
    /// Estimated tokens of answers in a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_day: Option<u64>,
    /// Estimated tokens of answers in a month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_month: Option<u64>,
    /// Cost units, as the registry says what a call costs, in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_per_second: Option<u64>,
    /// Cost units in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_per_minute: Option<u64>,
    /// Cost units in an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_per_hour: Option<u64>,
    /// Cost units in a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_per_day: Option<u64>,
    /// Cost units in a month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_per_month: Option<u64>,
}

/// An amount that a limit says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    /// The field that says it.
    pub field: String,
    /// Of what.
    pub of: Measure,
    /// In which time; `None`: at the same time.
    pub period: Option<Period>,
    /// How much.
    pub amount: u64,
}

impl Limit {
    /// All amounts that are said.
    #[must_use]
    pub fn amounts(&self) -> Vec<Amount> {
        let requests = [
            self.requests_per_second,
            self.requests_per_minute,
            self.requests_per_hour,
            self.requests_per_day,
            self.requests_per_month,
        ];
        let bytes = [
            self.result_bytes_per_second,
            self.result_bytes_per_minute,
            self.result_bytes_per_hour,
            self.result_bytes_per_day,
            self.result_bytes_per_month,
        ];
        let tokens = [
            self.tokens_per_second,
            self.tokens_per_minute,
            self.tokens_per_hour,
            self.tokens_per_day,
            self.tokens_per_month,
        ];
        let cost = [
            self.cost_per_second,
            self.cost_per_minute,
            self.cost_per_hour,
            self.cost_per_day,
            self.cost_per_month,
        ];
        let concurrent = self.concurrent_calls.map(|amount| Amount {
            field: "concurrent_calls".to_owned(),
            of: Measure::Requests,
            period: None,
            amount,
        });
        let mut said: Vec<_> = concurrent.into_iter().collect();
        for (of, name, amounts) in [
            (Measure::Requests, "requests", requests),
            (Measure::ResultBytes, "result_bytes", bytes),
            (Measure::Tokens, "tokens", tokens),
            (Measure::Cost, "cost", cost),
        ] {
            for (period, amount) in Period::ALL.into_iter().zip(amounts) {
                said.extend(amount.map(|amount| Amount {
                    field: format!("{name}_per_{}", period.as_str()),
                    of,
                    period: Some(period),
                    amount,
                }));
            }
        }
        said
    }
}
