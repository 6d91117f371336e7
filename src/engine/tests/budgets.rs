//! Budgets over simulated time: calls through `Exchange`, as tables of what is said at which moment.
//!
//! A line is `TIME WHO WHAT -> SAID`. What happens:
//!
//! | `call COST [BYTES]` | a call that costs so much, and whose answer has so many bytes |
//! | `begin ID COST` | a call that goes on its way |
//! | `end ID [BYTES]`, `lose ID` | its answer comes; it never came to its server |
//!
//! What is said is each limit and what is left of it, or why there is no room and when there is:
//! `month 40`, `limit_reached month 40 retry 3600s`; `-` where nothing is said.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    reason = "a panic is how a test says no"
)]

use std::{collections::BTreeMap, sync::Arc};

use engine::{
    config::Config,
    cx::{Memory, Timestamp},
    exchange::{Event, Exchange, Step},
    http::{Headers, Peer},
    policy::Policy,
    record::{Attempts, End},
};
use serde_json::{Value, json};

/// One Envoy, its clients and its server.
struct World {
    policy: Arc<Policy>,
    memory: Memory,
    /// Calls that are on their way.
    open: BTreeMap<String, Exchange>,
}

impl World {
    fn new(limits: &str) -> Self {
        let limits: Value = serde_saphyr::from_str(limits).expect("YAML");
        let bundle = json!({
            "registry": {
                "servers": { "s": {} },
                "tools": [{ "name": "work", "mcpServer": "s", "cost": "args.cost",
                            "inputSchema": { "type": "object", "properties": { "cost": { "type": "number" } } } }],
            },
            "policy": {
                "identity": { "user": { "header": "x-user", "trusted": true } },
                "rules": [{ "id": "all", "tool": "work", "decision": "allow", "limits": limits }],
            },
        });
        let policy = Policy::compile(Config::from_value(bundle)).expect("a policy");
        Self {
            policy: Arc::new(policy),
            memory: Memory::default(),
            open: BTreeMap::new(),
        }
    }

    fn happen(&mut self, at: Timestamp, who: &str, what: &str) -> String {
        let words: Vec<&str> = what.split_whitespace().collect();
        let number = |word: &str| word.parse::<usize>().expect("a number");
        match words[..] {
            ["call", cost] => self.call(at, who, cost, 50),
            ["call", cost, bytes] => self.call(at, who, cost, number(bytes)),
            ["begin", id, cost] => match self.begin(at, who, cost) {
                (exchange, true) => {
                    self.open.insert(id.to_owned(), exchange);
                    "-".to_owned()
                }
                (exchange, false) => self.close(at, exchange, None),
            },
            ["end", id] => self.end(at, id, 50),
            ["end", id, bytes] => self.end(at, id, number(bytes)),
            ["lose", id] => {
                let exchange = self.open.remove(id).expect("it began");
                let attempts = Attempts {
                    count: 1,
                    connected: false,
                };
                self.close(at, exchange, Some(attempts))
            }
            _ => panic!("`{what}` is nothing that happens"),
        }
    }

    fn call(&self, at: Timestamp, who: &str, cost: &str, bytes: usize) -> String {
        match self.begin(at, who, cost) {
            (exchange, true) => self.answer(at, exchange, bytes),
            (exchange, false) => self.close(at, exchange, None),
        }
    }

    /// A request, and whether it goes on.
    fn begin(&self, at: Timestamp, who: &str, cost: &str) -> (Exchange, bool) {
        let mut exchange = Exchange::new(Arc::clone(&self.policy));
        let headers = [
            (":method", "POST"),
            (":path", "/mcp"),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("x-user", who),
        ];
        let head = Event::RequestHead {
            headers: of(&headers),
            peer: Peer::default(),
            end: false,
        };
        let cx = self.memory.at(at);
        assert!(matches!(exchange.on(head, &cx), Step::Hold));
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"work","arguments":{{"cost":{cost}}}}}}}"#
        );
        let body = Event::RequestBody {
            bytes: body.as_bytes(),
            end: true,
        };
        let goes_on = matches!(exchange.on(body, &cx), Step::Forward(_));
        (exchange, goes_on)
    }

    fn end(&mut self, at: Timestamp, id: &str, bytes: usize) -> String {
        let exchange = self.open.remove(id).expect("it began");
        self.answer(at, exchange, bytes)
    }

    /// An answer whose result has so many bytes.
    fn answer(&self, at: Timestamp, mut exchange: Exchange, bytes: usize) -> String {
        let cx = self.memory.at(at);
        let head = Event::ResponseHead {
            headers: of(&[(":status", "200"), ("content-type", "application/json")]),
            details: None,
            end: false,
        };
        assert!(matches!(exchange.on(head, &cx), Step::Hold));
        let empty = r#"{"content":[{"type":"text","text":""}]}"#.len();
        let text = "a".repeat(bytes.checked_sub(empty).expect("a result"));
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"result":{{"content":[{{"type":"text","text":"{text}"}}]}}}}"#
        );
        let body = Event::ResponseBody {
            bytes: body.as_bytes(),
            end: true,
        };
        assert!(matches!(exchange.on(body, &cx), Step::Forward(_)));
        self.close(at, exchange, None)
    }

    fn close(&self, at: Timestamp, exchange: Exchange, attempts: Option<Attempts>) -> String {
        let end = End {
            status: Some(200),
            attempts,
            ..End::default()
        };
        let closing = exchange.close(end, &self.memory.at(at));
        let record: Value = serde_json::from_slice(&closing.record).expect("a record");
        said(&record)
    }
}

/// What a record says of limits.
fn said(record: &Value) -> String {
    let left = |limit: &Value| {
        let name = limit["name"].as_str().expect("a name");
        format!("{name} {}", limit["left"])
    };
    let touched: Vec<String> = record["limits"]
        .as_array()
        .into_iter()
        .flatten()
        .map(left)
        .collect();
    if record["decision"] == "allow" {
        return touched.join(", ");
    }
    let refused = touched.last().expect("a limit");
    let wait = match record["retryAfterMs"].as_f64() {
        Some(ms) => format!("retry {}s", ms / 1e3),
        None => "never".to_owned(),
    };
    format!(
        "{} {refused} {wait}",
        record["reason"].as_str().expect("a reason")
    )
}

fn of(headers: &[(&str, &str)]) -> Headers {
    let headers = headers.iter();
    Headers::new(headers.map(|(name, value)| ((*name).into(), (*value).into())))
}

#[track_caller]
fn check(limits: &str, table: &str) {
    let mut world = World::new(limits);
    for line in table
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (event, expected) = line.split_once(" -> ").expect("an arrow");
        let (time, event) = event.split_once(' ').expect("a time");
        let (who, what) = event.trim().split_once(' ').expect("who");
        let at = Timestamp::parse(time).expect("a moment");
        assert_eq!(world.happen(at, who, what), expected.trim(), "{line}");
    }
}

#[test]
fn a_month_of_cost_has_the_length_of_the_month() {
    check(
        "[{ id: month, cost_per_month: 1000 }]",
        "
        2027-12-31T23:59:59.999Z ann call 1000 -> month 0
        2027-12-31T23:59:59.999Z ann call 1    -> limit_reached month 0 retry 0.001s
        # A new year, a month of 31 days.
        2028-01-01T00:00:00Z     ann call 400  -> month 600
        2028-01-01T00:00:00Z     ann call 601  -> limit_reached month 600 retry 2678400s
        2028-01-31T23:59:59Z     ann call 600  -> month 0
        2028-01-31T23:59:59Z     ann call 1    -> limit_reached month 0 retry 1s
        # Its February has 29 days, that of the year after 28.
        2028-02-01T00:00:00Z     ann call 1000 -> month 0
        2028-02-01T00:00:00Z     ann call 1    -> limit_reached month 0 retry 2505600s
        2028-02-29T12:00:00Z     ann call 1    -> limit_reached month 0 retry 43200s
        2028-03-01T00:00:00Z     ann call 1    -> month 999
        2029-02-01T00:00:00Z     ann call 1000 -> month 0
        2029-02-01T00:00:00Z     ann call 1    -> limit_reached month 0 retry 2419200s
        2029-02-28T23:59:59Z     ann call 1    -> limit_reached month 0 retry 1s
        2029-03-01T00:00:00Z     ann call 1000 -> month 0
        # A month of 30 days; what costs nothing is always possible, what costs too much never.
        2029-04-01T00:00:00Z     ann call 1000 -> month 0
        2029-04-01T00:00:00Z     ann call 1    -> limit_reached month 0 retry 2592000s
        2029-04-01T00:00:00Z     ann call 0    -> month 0
        2029-04-01T00:00:00Z     ann call 1001 -> limit_reached month 0 never
        # Nobody called for years.
        2040-07-04T00:00:00Z     ann call 0.5  -> month 999
        ",
    );
}

/// Clocks on walls jump on these days, in Europe and in America; a day in UTC has 24 hours.
#[test]
fn no_day_is_longer_than_another() {
    for day in ["2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01"] {
        check(
            "[{ id: day, per: user, cost_per_day: 10 }, { id: hour, cost_per_hour: 9 }]",
            &format!(
                "
                {day}T00:00:00Z ann call 1  -> day 9, hour 8
                {day}T00:00:00Z ann call 10 -> limit_reached day 9 retry 86400s
                {day}T00:30:00Z ann call 8  -> day 1, hour 0
                {day}T00:59:59Z bob call 1  -> limit_reached hour 0 retry 1s
                {day}T01:00:00Z bob call 1  -> day 9, hour 8
                {day}T02:00:00Z ann call 1  -> day 0, hour 8
                {day}T02:30:00Z ann call 1  -> limit_reached day 0 retry 77400s
                # The same moment, as a clock in Berlin and one in Los Angeles have it.
                {day}T04:30:00+02:00 ann call 1 -> limit_reached day 0 retry 77400s
                {day}T04:30:00-07:00 ann call 1 -> limit_reached day 0 retry 45000s
                {day}T23:59:59.999Z  ann call 1 -> limit_reached day 0 retry 0.001s
                "
            ),
        );
    }
}

/// What an answer counts for is known when it has come.
#[test]
fn tokens_and_bytes_are_charged_when_the_answer_has_come() {
    check(
        "[{ id: bytes, per: user, result_bytes_per_day: 1000 }]",
        "
        2026-06-30T10:00:00Z ann call 1 999  -> bytes 1000
        2026-06-30T10:00:01Z ann call 1 5000 -> bytes 1
        2026-06-30T10:00:02Z ann call 1      -> limit_reached bytes 0 retry 50398s
        2026-06-30T10:00:03Z bob call 1      -> bytes 1000
        # What went over is not carried on.
        2026-07-01T00:00:00Z ann call 1      -> bytes 1000
        ",
    );
    check(
        "[{ id: tokens, tokens_per_month: 100 }]",
        "
        2026-06-30T23:50:00Z ann begin a 1  -> -
        2026-06-30T23:50:00Z ann begin b 1  -> -
        2026-06-30T23:59:59Z ann end a 4000 -> tokens 100
        2026-06-30T23:59:59Z ann call 1     -> limit_reached tokens 0 retry 1s
        # An answer counts in the month in which it ends.
        2026-07-01T00:00:01Z ann end b 400  -> tokens 100
        2026-07-01T00:00:02Z ann call 1     -> limit_reached tokens 0 retry 2678398s
        # One that never came counts for nothing.
        2026-08-01T00:00:00Z ann begin c 1  -> -
        2026-08-01T00:00:01Z ann lose c     -> tokens 100
        2026-08-01T00:00:02Z ann call 1     -> tokens 100
        ",
    );
}

/// A call that never came to its server has cost nothing; what was taken from a period that is over
/// stays there.
#[test]
fn what_is_given_back_goes_where_it_came_from() {
    check(
        "[{ id: day, cost_per_day: 10 }, { id: month, cost_per_month: 100 }]",
        "
        2026-02-28T23:00:00Z ann begin a 4 -> -
        2026-02-28T23:00:00Z ann begin b 6 -> -
        2026-02-28T23:00:00Z ann call 1    -> limit_reached day 0 retry 3600s
        2026-02-28T23:10:00Z ann lose a    -> day 6, month 96
        2026-02-28T23:10:00Z ann call 3    -> day 1, month 91
        2026-03-01T00:00:00Z ann call 2    -> day 8, month 98
        2026-03-01T00:00:01Z ann lose b    -> day 0, month 90
        2026-03-01T00:00:02Z ann call 8    -> day 0, month 90
        2026-03-01T00:00:03Z ann call 1    -> limit_reached day 0 retry 86397s
        # Over a midnight within a month: the month has it back, the new day never had it.
        2026-03-10T23:59:00Z ann begin c 10 -> -
        2026-03-11T00:00:00Z ann call 7    -> day 3, month 73
        2026-03-11T00:00:01Z ann lose c    -> day 0, month 80
        2026-03-11T00:00:02Z ann call 4    -> limit_reached day 3 retry 86398s
        2026-03-11T00:00:02Z ann call 3    -> day 0, month 80
        ",
    );
}

#[test]
fn all_limits_are_taken_or_none() {
    check(
        "[{ id: ten, per: user, requests_per_minute: 10 }, { id: units, per: user, cost_per_hour: 20 },
          { id: all, requests_per_hour: 3 }]",
        "
        2026-05-05T05:00:00Z ann call 15 -> ten 9, units 5, all 2
        2026-05-05T05:00:01Z ann call 6  -> limit_reached units 5 retry 3599s
        2026-05-05T05:00:02Z ann call 5  -> ten 8, units 0, all 1
        2026-05-05T05:00:03Z bob call 1  -> ten 9, units 19, all 0
        2026-05-05T05:00:04Z bob call 1  -> limit_reached all 0 retry 3596s
        2026-05-05T05:00:05Z bob call 20 -> limit_reached units 19 retry 3595s
        2026-05-05T06:00:00Z bob call 20 -> ten 9, units 0, all 2
        ",
    );
}

#[test]
fn a_burst_comes_back_evenly() {
    check(
        "[{ id: even, cost_per_hour: 60, burst: 10 }]",
        "
        2026-12-31T23:59:00Z ann call 10 -> even 0
        2026-12-31T23:59:00Z ann call 1  -> limit_reached even 0 retry 60s
        2026-12-31T23:59:30Z ann call 1  -> limit_reached even 0 retry 30s
        2027-01-01T00:00:00Z ann call 1  -> even 0
        2027-01-01T00:03:00Z ann call 5  -> limit_reached even 3 retry 120s
        2027-01-01T00:05:00Z ann call 5  -> even 0
        2027-01-01T03:00:00Z ann call 11 -> limit_reached even 10 never
        2027-01-01T03:00:00Z ann begin a 10 -> -
        2027-01-01T03:00:10Z ann lose a  -> even 0
        2027-01-01T03:00:10Z ann call 10 -> even 0
        ",
    );
}

/// Where the clock goes back, nobody has more than a period's amount twice, and nobody waits for
/// longer than a period. Where it jumps ahead, periods are over that nobody saw.
#[test]
fn clocks_that_jump_do_no_lasting_harm() {
    check(
        "[{ id: month, cost_per_month: 100 }, { id: minute, requests_per_minute: 3 }]",
        "
        2026-05-01T00:00:10Z ann call 90 -> month 10, minute 2
        # Back over the month's beginning: the month that was begun goes on.
        2026-04-30T23:59:50Z ann call 10 -> month 0, minute 1
        2026-04-30T23:59:55Z ann call 1  -> limit_reached month 0 retry 2678405s
        2026-05-01T00:00:11Z ann call 0  -> month 0, minute 0
        2026-05-01T00:00:12Z ann call 0  -> limit_reached minute 0 retry 48s
        # Far ahead, and back: what was counted for the far future does not stop anybody now.
        2036-05-01T00:00:00Z ann call 100 -> month 0, minute 2
        2026-05-02T00:00:00Z ann call 100 -> month 0, minute 2
        2026-05-02T00:00:01Z ann call 1   -> limit_reached month 0 retry 2591999s
        # Before time began to be counted, and at its end.
        1969-12-31T23:59:59Z ann call 100 -> month 0, minute 2
        1970-01-01T00:00:00Z ann call 1   -> month 99, minute 2
        2262-04-11T23:47:16Z ann call 1   -> month 99, minute 2
        ",
    );
    check(
        "[{ id: even, requests_per_hour: 60, burst: 2 }]",
        "
        2026-05-01T12:00:00Z ann call 1 -> even 1
        2026-05-01T12:00:00Z ann call 1 -> even 0
        2026-05-01T11:00:00Z ann call 1 -> limit_reached even 0 retry 3660s
        2026-04-01T00:00:00Z ann call 1 -> limit_reached even 0 retry 3660s
        ",
    );
}

/// A budget of 100 a day and 2,500 a month, by somebody who tries every four hours: the days of each month
/// that pay, over the months of four years.
#[test]
fn a_day_s_budget_ends_with_the_day_and_a_month_s_with_the_month() {
    let mut world =
        World::new("[{ id: day, cost_per_day: 100 }, { id: month, cost_per_month: 2500 }]");
    let hours = 4 * 3_600_000_000_000_i64;
    let begin = Timestamp::parse("2026-01-01").expect("a date");
    let end = Timestamp::parse("2030-01-01").expect("a date");
    let mut days: BTreeMap<String, u32> = BTreeMap::new();
    let mut months: BTreeMap<String, u32> = BTreeMap::new();
    for at in (begin.0..end.0).step_by(hours as usize).map(Timestamp) {
        if !world
            .happen(at, "ann", "call 20")
            .starts_with("limit_reached")
        {
            let day = at.rfc3339();
            *days.entry(day[..10].to_owned()).or_default() += 20;
            *months.entry(day[..7].to_owned()).or_default() += 20;
        }
    }
    assert_eq!(days.len(), 48 * 25, "25 days of each month");
    for (day, spent) in days {
        assert_eq!((spent, &day[8..] <= "25"), (100, true), "{day}");
    }
    assert_eq!(months.len(), 48);
    for (month, spent) in months {
        assert_eq!(spent, 2_500, "{month}");
    }
}
