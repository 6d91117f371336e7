//! Calls of every kind, in the many ways of writing each, and calls that are almost the same.

use std::collections::BTreeMap;

use proptest::num::f64::{NORMAL, SUBNORMAL};
use proptest::prelude::*;

/// What a JSON text means: two are equal exactly if they have one canonical form (RFC 8785).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// The bits of a finite double; never -0, which is 0.
    Number(u64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Self>),
    /// An object.
    Object(BTreeMap<String, Self>),
}

/// Where the choices come from.
pub struct Dice(u64);

/// Calls: some of the facts that an approval is bound to, as texts, beside tool and arguments.
pub fn calls() -> impl Strategy<Value = Meaning> {
    let facts =
        prop::collection::btree_map(prop::sample::select(&FACTS[..]), text(), 0..=FACTS.len());
    let payloads = (object(), prop::option::weighted(0.2, object()));
    (text(), facts, payloads).prop_map(|(tool, facts, (arguments, input))| {
        let facts = facts
            .into_iter()
            .map(|(name, fact)| (name.to_owned(), fact));
        let mut call: BTreeMap<_, _> = facts.collect();
        call.insert("tool".into(), tool);
        call.insert("arguments".into(), arguments);
        call.extend(input.map(|input| ("inputResponses".into(), input)));
        Meaning::Object(call)
    })
}

impl Meaning {
    /// Writes it in one of many ways that mean the same, on one line.
    pub fn write(&self, dice: &mut Dice, out: &mut String) {
        out.push_str(dice.pick(&["", "", " ", "\t\r"]));
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(bool) => out.push_str(&bool.to_string()),
            Self::Number(bits) => out.push_str(&write_number(f64::from_bits(*bits), dice)),
            Self::Text(text) => write_text(text, dice, out),
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    out.push(if index == 0 { '[' } else { ',' });
                    item.write(dice, out);
                }
                out.push_str(if items.is_empty() { "[]" } else { "]" });
            }
            Self::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                out.push('{');
                while !members.is_empty() {
                    let (key, value) = members.swap_remove(dice.roll(members.len()));
                    write_text(key, dice, out);
                    out.push_str(dice.pick(&[":", " :"]));
                    value.write(dice, out);
                    out.push_str(if members.is_empty() { "" } else { "," });
                }
                out.push('}');
            }
        }
        out.push_str(dice.pick(&["", "", " "]));
    }

    /// Something else that looks like it; of a call, a call.
    #[must_use]
    pub fn near(&self, dice: &mut Dice) -> Self {
        match self {
            Self::Null => Self::text(dice.pick(&["null", ""])),
            Self::Bool(true) => Self::text("true"),
            Self::Bool(false) => Self::Null,
            Self::Number(bits) => {
                let double = f64::from_bits(*bits);
                match dice.roll(4) {
                    0 => Self::number(double.next_up()),
                    1 => Self::number(-double),
                    2 => Self::number(double / 10.0),
                    _ => Self::text(&format!("{double}")),
                }
            }
            Self::Text(text) => match (dice.roll(4), text.parse::<f64>()) {
                (0, Ok(double)) if double.is_finite() => Self::number(double),
                (0, _) => Self::text(&text.replace('é', "e\u{301}")),
                (1, _) => Self::text(&format!("{text}\0")),
                (2, _) => Self::text(&text.to_uppercase()),
                (_, _) => Self::text(&text.chars().rev().collect::<String>()),
            },
            Self::List(items) => {
                let mut items = items.clone();
                match dice.roll(4) {
                    0 => items.reverse(),
                    1 => items.push(Self::Null),
                    2 => items = vec![Self::List(items)],
                    _ => match items.len() {
                        0 => return Self::Object(BTreeMap::new()),
                        count => {
                            let index = dice.roll(count);
                            items[index] = items[index].near(dice);
                        }
                    },
                }
                Self::List(items)
            }
            Self::Object(members) if members.contains_key("tool") => Self::near_call(members, dice),
            Self::Object(members) => {
                let mut members = members.clone();
                let key = members.keys().nth(dice.roll(members.len().max(1))).cloned();
                match (key, dice.roll(4)) {
                    (Some(key), 0) => {
                        members.remove(&key);
                    }
                    (Some(key), 1) => {
                        let value = members.remove(&key).expect("is there");
                        members.insert(format!("{key} "), value);
                    }
                    (Some(key), 2) => {
                        let near = members[&key].near(dice);
                        members.insert(key, near);
                    }
                    (_, _) => {
                        members.insert(String::new(), Self::Null);
                    }
                }
                Self::Object(members)
            }
        }
    }

    fn near_call(members: &BTreeMap<String, Self>, dice: &mut Dice) -> Self {
        let mut members = members.clone();
        let fact = dice.pick(&FACTS);
        match (dice.roll(4), members.remove(fact)) {
            (0, Some(_)) => {}
            (0, None) => {
                members.insert(fact.into(), Self::text(""));
            }
            (1, said) => {
                // What one person said, another says.
                let other = members.remove(dice.pick(&FACTS));
                members.extend(other.map(|other| (fact.to_owned(), other)));
                members.extend(said.map(|said| (dice.pick(&FACTS).to_owned(), said)));
            }
            (_, said) => {
                members.extend(said.map(|said| (fact.to_owned(), said)));
                let near = members["arguments"].near(dice);
                members.insert("arguments".into(), near);
            }
        }
        Self::Object(members)
    }

    fn number(double: f64) -> Self {
        // -0 + 0 is 0.
        Self::Number((double.clamp(f64::MIN, f64::MAX) + 0.0).to_bits())
    }

    fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Dice {
    /// Dice that always fall alike.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self, sides: usize) -> usize {
        // Knuth's constants for a linear congruential generator; its high bits are the good ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }
}

fn object() -> impl Strategy<Value = Meaning> {
    let scalar = prop_oneof![
        Just(Meaning::Null),
        any::<bool>().prop_map(Meaning::Bool),
        number().prop_map(Meaning::number),
        text(),
    ];
    let value = scalar.prop_recursive(5, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Meaning::List),
            members(inner)
        ]
    });
    members(value)
}

fn members(value: impl Strategy<Value = Meaning>) -> impl Strategy<Value = Meaning> {
    prop::collection::btree_map(TEXT, value, 0..6).prop_map(Meaning::Object)
}

fn text() -> impl Strategy<Value = Meaning> {
    prop_oneof![3 => TEXT, 1 => "[0-9]{1,3}", 1 => "\\PC{0,8}"].prop_map(Meaning::Text)
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<i16>().prop_map(f64::from),
        any::<i32>().prop_map(|n| f64::from(n) / 100.0),
        any::<i64>().prop_map(|n| n as f64),
        NORMAL | SUBNORMAL,
        (prop::sample::select(&PIVOTS[..]), -2..=2_i32).prop_map(|(pivot, steps)| {
            let next = if steps < 0 {
                f64::next_down
            } else {
                f64::next_up
            };
            (0..steps.abs()).fold(pivot, |double, _| next(double))
        }),
    ]
}

/// The shortest digits that mean this double, with the point and the exponent anywhere.
fn write_number(double: f64, dice: &mut Dice) -> String {
    if double == 0.0 {
        return dice.pick(&["0", "-0", "0.00", "-0E7", "0e-3"]).to_owned();
    }
    let shortest = format!("{double:e}");
    let (digits, exponent) = shortest.split_once('e').expect("an exponent");
    let exponent: i32 = exponent.parse().expect("an integer");
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let zeros = dice.pick(&["", "0", "000"]);
    let e = dice.pick(&["e", "E"]);
    let plain = format!("{double}");
    match dice.roll(4) {
        0 if exponent.abs() < 30 && plain.contains('.') => format!("{plain}{zeros}"),
        0 if exponent.abs() < 30 => format!("{plain}.0{zeros}"),
        1 => format!(
            "{whole}{fraction}{zeros}{e}{}",
            exponent - (fraction.len() + zeros.len()) as i32
        ),
        2 => format!("{whole}.{fraction}{zeros}0{e}{exponent:+04}"),
        _ => shortest,
    }
}

fn write_text(text: &str, dice: &mut Dice, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        let short = match character {
            '"' => Some("\\\""),
            '\\' => Some("\\\\"),
            '/' => Some("\\/"),
            '\n' => Some("\\n"),
            '\t' => Some("\\t"),
            _ => None,
        };
        match (dice.roll(3), short) {
            (0, Some(short)) => out.push_str(short),
            (1 | 2, _) if character >= ' ' && !"\"\\".contains(character) => out.push(character),
            (_, _) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.push_str(&match dice.roll(2) {
                        0 => format!("\\u{unit:04x}"),
                        _ => format!("\\u{unit:04X}"),
                    });
                }
            }
        }
    }
    out.push('"');
}

const FACTS: [&str; 5] = ["user", "agent", "tenant", "environment", "contractVersion"];

/// Where the canonical form changes, or doubles end.
const PIVOTS: [f64; 9] = [
    0.0,
    0.1,
    1e-7,
    1e-6,
    1e21,
    1e23,
    9_007_199_254_740_992.0,
    f64::MAX,
    f64::MIN_POSITIVE,
];

/// Short, so that texts meet; with all that has to be escaped, and both sides of U+FFFF.
const TEXT: &str = "[abA_ /é\u{e000}\u{ffff}😀\"\\\\\n\t\u{0}\u{7}\u{7f}]{0,4}";
