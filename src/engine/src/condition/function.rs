//! The functions that conditions may call, and what they take.

/// A function; the receiver of a method is its first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    LowerAscii,
    UpperAscii,
    Trim,
    Split,
    Join,
    Replace,
    Substring,
    CharAt,
    IndexOf,
    LastIndexOf,
    Int,
    Uint,
    Double,
    Str,
    Bool,
    Type,
    Dyn,
    Timestamp,
    Duration,
    Year,
    Month,
    Date,
    DayOfMonth,
    DayOfWeek,
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
    Greatest,
    Least,
}

/// How a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `f(x)`
    Global,
    /// `x.f()`
    Method,
    /// Either.
    Both,
}

/// The kinds of values, as functions and operators tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Str,
    Timestamp,
    Duration,
    Type,
    List,
    Map,
    /// Not known before it is evaluated; as a parameter: anything.
    Any,
}

impl Kind {
    /// The name CEL gives it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::Str => "string",
            Self::Timestamp => "timestamp",
            Self::Duration => "duration",
            Self::Type => "type",
            Self::List => "list",
            Self::Map => "map",
            Self::Any => "dyn",
        }
    }
}

/// Parameters and result.
pub(super) type Overload = (&'static [Kind], Kind);

/// One function as it is called.
pub(super) struct Signature {
    pub(super) name: &'static str,
    pub(super) function: Function,
    pub(super) form: Form,
    /// None: any number of numbers, or one list of them.
    pub(super) overloads: &'static [Overload],
}

impl Signature {
    /// The function called `name`.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        SIGNATURES.iter().find(|s| s.name == name)
    }

    /// The names of all functions.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        SIGNATURES.iter().map(|s| s.name)
    }

    /// How `function` is called.
    pub(super) fn of(function: Function) -> Option<&'static Self> {
        SIGNATURES.iter().find(|s| s.function == function)
    }

    /// Whether it can take this many arguments, the receiver included.
    pub(super) fn takes(&self, count: usize) -> bool {
        if self.overloads.is_empty() {
            return count > 0;
        }
        self.overloads
            .iter()
            .any(|(parameters, _)| parameters.len() == count)
    }

    /// How to write a call of it.
    pub(super) fn usage(&self) -> String {
        let Some((parameters, _)) = self.overloads.last() else {
            return format!("{}(a, b)", self.name);
        };
        let names: Vec<&str> = parameters.iter().map(|kind| kind.name()).collect();
        match (self.form, names.split_first()) {
            (Form::Method, Some((first, rest))) => {
                format!("{first}.{}({})", self.name, rest.join(", "))
            }
            _ => format!("{}({})", self.name, names.join(", ")),
        }
    }
}

/// What people write that know other languages, and what it is called here.
pub(super) fn synonym(name: &str) -> Option<&'static str> {
    SYNONYMS
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, ours)| *ours)
}

const fn global(
    name: &'static str,
    function: Function,
    overloads: &'static [Overload],
) -> Signature {
    Signature {
        name,
        function,
        form: Form::Global,
        overloads,
    }
}

const fn method(
    name: &'static str,
    function: Function,
    overloads: &'static [Overload],
) -> Signature {
    Signature {
        name,
        function,
        form: Form::Method,
        overloads,
    }
}

const TEXT_TO_BOOL: &[Overload] = &[(&[Kind::Str, Kind::Str], Kind::Bool)];
const TEXT_TO_TEXT: &[Overload] = &[(&[Kind::Str], Kind::Str)];
const SEARCH: &[Overload] = &[
    (&[Kind::Str, Kind::Str], Kind::Int),
    (&[Kind::Str, Kind::Str, Kind::Int], Kind::Int),
];
const DATE: &[Overload] = &[
    (&[Kind::Timestamp], Kind::Int),
    (&[Kind::Timestamp, Kind::Str], Kind::Int),
];
const CLOCK: &[Overload] = &[
    (&[Kind::Timestamp], Kind::Int),
    (&[Kind::Timestamp, Kind::Str], Kind::Int),
    (&[Kind::Duration], Kind::Int),
];

static SIGNATURES: &[Signature] = &[
    Signature {
        name: "size",
        function: Function::Size,
        form: Form::Both,
        overloads: &[
            (&[Kind::Str], Kind::Int),
            (&[Kind::List], Kind::Int),
            (&[Kind::Map], Kind::Int),
        ],
    },
    method("contains", Function::Contains, TEXT_TO_BOOL),
    method("startsWith", Function::StartsWith, TEXT_TO_BOOL),
    method("endsWith", Function::EndsWith, TEXT_TO_BOOL),
    method("lowerAscii", Function::LowerAscii, TEXT_TO_TEXT),
    method("upperAscii", Function::UpperAscii, TEXT_TO_TEXT),
    method("trim", Function::Trim, TEXT_TO_TEXT),
    method(
        "split",
        Function::Split,
        &[
            (&[Kind::Str, Kind::Str], Kind::List),
            (&[Kind::Str, Kind::Str, Kind::Int], Kind::List),
        ],
    ),
    method(
        "join",
        Function::Join,
        &[
            (&[Kind::List], Kind::Str),
            (&[Kind::List, Kind::Str], Kind::Str),
        ],
    ),
    method(
        "replace",
        Function::Replace,
        &[
            (&[Kind::Str, Kind::Str, Kind::Str], Kind::Str),
            (&[Kind::Str, Kind::Str, Kind::Str, Kind::Int], Kind::Str),
        ],
    ),
    method(
        "substring",
        Function::Substring,
        &[
            (&[Kind::Str, Kind::Int], Kind::Str),
            (&[Kind::Str, Kind::Int, Kind::Int], Kind::Str),
        ],
    ),
    method(
        "charAt",
        Function::CharAt,
        &[(&[Kind::Str, Kind::Int], Kind::Str)],
    ),
    method("indexOf", Function::IndexOf, SEARCH),
    method("lastIndexOf", Function::LastIndexOf, SEARCH),
    global(
        "int",
        Function::Int,
        &[
            (&[Kind::Int], Kind::Int),
            (&[Kind::Uint], Kind::Int),
            (&[Kind::Double], Kind::Int),
            (&[Kind::Str], Kind::Int),
            (&[Kind::Timestamp], Kind::Int),
        ],
    ),
    global(
        "uint",
        Function::Uint,
        &[
            (&[Kind::Uint], Kind::Uint),
            (&[Kind::Int], Kind::Uint),
            (&[Kind::Double], Kind::Uint),
            (&[Kind::Str], Kind::Uint),
        ],
    ),
    global(
        "double",
        Function::Double,
        &[
            (&[Kind::Double], Kind::Double),
            (&[Kind::Int], Kind::Double),
            (&[Kind::Uint], Kind::Double),
            (&[Kind::Str], Kind::Double),
        ],
    ),
    global(
        "string",
        Function::Str,
        &[
            (&[Kind::Str], Kind::Str),
            (&[Kind::Bool], Kind::Str),
            (&[Kind::Int], Kind::Str),
            (&[Kind::Uint], Kind::Str),
            (&[Kind::Double], Kind::Str),
            (&[Kind::Timestamp], Kind::Str),
            (&[Kind::Duration], Kind::Str),
        ],
    ),
    global(
        "bool",
        Function::Bool,
        &[(&[Kind::Bool], Kind::Bool), (&[Kind::Str], Kind::Bool)],
    ),
    global("type", Function::Type, &[(&[Kind::Any], Kind::Type)]),
    global("dyn", Function::Dyn, &[(&[Kind::Any], Kind::Any)]),
    global(
        "timestamp",
        Function::Timestamp,
        &[
            (&[Kind::Timestamp], Kind::Timestamp),
            (&[Kind::Int], Kind::Timestamp),
            (&[Kind::Str], Kind::Timestamp),
        ],
    ),
    global(
        "duration",
        Function::Duration,
        &[
            (&[Kind::Duration], Kind::Duration),
            (&[Kind::Str], Kind::Duration),
        ],
    ),
    method("getFullYear", Function::Year, DATE),
    method("getMonth", Function::Month, DATE),
    method("getDate", Function::Date, DATE),
    method("getDayOfMonth", Function::DayOfMonth, DATE),
    method("getDayOfWeek", Function::DayOfWeek, DATE),
    method("getDayOfYear", Function::DayOfYear, DATE),
    method("getHours", Function::Hours, CLOCK),
    method("getMinutes", Function::Minutes, CLOCK),
    method("getSeconds", Function::Seconds, CLOCK),
    method("getMilliseconds", Function::Milliseconds, CLOCK),
    global("math.greatest", Function::Greatest, &[]),
    global("math.least", Function::Least, &[]),
];

const SYNONYMS: &[(&str, &str)] = &[
    ("length", "size"),
    ("len", "size"),
    ("count", "size"),
    ("includes", "contains"),
    ("has_prefix", "startsWith"),
    ("hasPrefix", "startsWith"),
    ("hasSuffix", "endsWith"),
    ("lower", "lowerAscii"),
    ("toLower", "lowerAscii"),
    ("toLowerCase", "lowerAscii"),
    ("upper", "upperAscii"),
    ("toUpper", "upperAscii"),
    ("toUpperCase", "upperAscii"),
    ("strip", "trim"),
    ("match", "matches"),
    ("regex", "matches"),
    ("test", "matches"),
    ("any", "exists"),
    ("some", "exists"),
    ("every", "all"),
    ("min", "math.least"),
    ("max", "math.greatest"),
    ("str", "string"),
    ("float", "double"),
    ("getYear", "getFullYear"),
    ("getDay", "getDayOfWeek"),
    ("getHour", "getHours"),
    ("typeof", "type"),
];
