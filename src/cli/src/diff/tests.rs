use super::*;
use crate::source::Source;

const REGISTRY: &str = r#"
servers: { pay: {} }
tools:
- name: refund
  mcpServer: pay
  authScope: pay:refund
  approverRole: finance
  environments: [prod]
  inputSchema:
    type: object
    required: [amount, account]
    additionalProperties: false
    properties:
      amount: { type: number, minimum: 0.01, maximum: 5000 }
      account: { type: string, pattern: "^[a-z]+-[0-9]{4}$" }
      note: { type: string }
- name: list
  mcpServer: pay
  riskTier: low
  access: read
  inputSchema: { type: object, properties: {}, additionalProperties: false }
resources:
- { uri: "file:///logs/*", mcpServer: pay, riskTier: low }
"#;

const POLICY: &str = r#"
environment: prod
rules:
- { id: small, tool: refund, require: { roles: [agent, lead] }, when: args.amount <= 100, decision: allow }
- { id: large, tool: refund, require: { roles: [agent, lead] }, when: args.amount > 100, decision: approval_required }
- { id: list, tool: list, require: { user: true }, decision: allow }
- { id: logs, resources: "file:///logs/*", require: { user: true }, when: args.uri.startsWith("file:///logs/app"), decision: allow, limits: [{ per: user, requests_per_hour: 60 }] }
"#;

/// A Wednesday.
const NOW: Timestamp = Timestamp(1_793_782_800_000_000_000);

fn load(registry: &str, policy: &str) -> Loaded {
    let files = Files {
        registry: vec!["registry.yaml".into()],
        policy: vec!["policy.yaml".into()],
        bundle: None,
    };
    let read = |path: &std::path::Path| {
        let name = path.display().to_string();
        let text = if name.starts_with('r') {
            registry
        } else {
            policy
        };
        Ok(Source::new(name, text.to_owned()))
    };
    match files.load_with(read).unwrap() {
        Ok(loaded) => loaded,
        Err(findings) => panic!("{:?}", findings.list),
    }
}

/// What one change of the texts is told as.
#[track_caller]
fn check(from: &str, to: &str, expected: &[&str]) {
    let old = load(REGISTRY, POLICY);
    let new = load(&REGISTRY.replace(from, to), &POLICY.replace(from, to));
    let changes = compare(&old, &new, NOW).changes;
    let found: Vec<String> = changes
        .iter()
        .map(|change| {
            let note = change
                .note
                .iter()
                .map(|note| format!(" {note}"))
                .collect::<String>();
            let (kind, subject) = (change.direction.name(), &change.subject);
            format!("{kind} {subject}: {}{note}", change.message)
        })
        .collect();
    assert_eq!(found, expected, "{from} -> {to}");
}

#[test]
fn thresholds() {
    check(
        "when: args.amount <= 100",
        "when: args.amount <= 150",
        &["changed rule small: changed; no call shows an effect"],
    );
    check(
        "100",
        "150",
        &[
            "wider refund: role agent; role lead: approval_required by finance -> allow where args.amount = 101, 149, 150 (rule large -> small)",
        ],
    );
    check(
        "amount > 100",
        "amount >= 100",
        &[
            "narrower refund: role agent; role lead: allow -> approval_required by finance where args.amount = 100 (rule small -> large)",
        ],
    );
}

#[test]
fn results() {
    let read = "riskTier: low\n  access: read";
    check(
        read,
        &format!("{read}\n  result: {{ maxBytes: 10, media: [image/png] }}"),
        &[r#"narrower list: result: none -> {"maxBytes":10,"media":["image/png"]}"#],
    );
}

#[test]
fn callers() {
    check(
        "id: small, tool: refund, require: { roles: [agent, lead] }",
        "id: small, tool: refund, require: { roles: [agent, lead, temp] }",
        &["wider refund: role temp: deny -> allow (rule none -> small)"],
    );
    check(
        "id: list, tool: list, require: { user: true }",
        "id: list, tool: list, require: { user: [ann] }",
        &["narrower list: anybody else: allow -> deny (rule list -> none)"],
    );
    check(
        "require: { user: true }, decision",
        "decision",
        &["wider list: no user; nobody that is known: deny -> allow (rule none -> list)"],
    );
    check(
        "  authScope: pay:refund\n",
        "",
        &[
            "wider refund: authScope: pay:refund removed",
            "wider refund: no scope pay:refund, role agent; no scope pay:refund, role lead: deny -> approval_required by finance where args.amount = 101 (rule none -> large)",
            "wider refund: no scope pay:refund, role agent; no scope pay:refund, role lead: deny -> allow (rule none -> small)",
        ],
    );
}

#[test]
fn decisions() {
    check(
        "id: list, tool: list, require: { user: true }, decision: allow",
        "id: list, tool: list, require: { user: true }, decision: approval_required, approver_role: boss",
        &["narrower list: anybody known: allow -> approval_required by boss (rule list)"],
    );
    check(
        "approverRole: finance",
        "approverRole: sales",
        &[
            "wider refund: approverRole: finance -> sales",
            "wider refund: role agent; role lead: approval_required by finance -> approval_required by sales where args.amount = 101 (rule large)",
        ],
    );
    check(
        "approverRole: finance",
        "approverRole: finance\n  sensitive: [/amount]",
        &["narrower refund: sensitive: /amount added"],
    );
    check(
        "id: list, tool: list, require: { user: true }, decision: allow",
        "id: list, tool: list, require: { user: true }, decision: approval_required, approver_role: boss, approvals: 2",
        &[
            "narrower list: anybody known: allow -> approval_required by 2 people with the role boss (rule list)",
        ],
    );
    check(
        "- { id: list,",
        "- { id: never, tool: list, decision: deny }\n- { id: list,",
        &["narrower list: anybody known: allow -> deny (rule list -> never)"],
    );
    check(
        "decision: approval_required }",
        "requires_user_confirmation: true }",
        &[
            "wider refund: role agent; role lead: approval_required by finance -> approval_required by the user where args.amount = 101 (rule large)",
        ],
    );
}

#[test]
fn contracts() {
    check(
        "maximum: 5000",
        "maximum: 9000",
        &["wider refund: inputSchema/properties/amount/maximum: 5000 -> 9000"],
    );
    check(
        "required: [amount, account]",
        "required: [amount, account, note]",
        &["breaking refund: inputSchema/required: `note` is required"],
    );
    check(
        "note: { type: string }",
        "memo: { type: string }",
        &[
            "breaking refund: inputSchema/properties: `note` is gone",
            "wider refund: inputSchema/properties: `memo` is new",
        ],
    );
}

#[test]
fn entries() {
    check(
        "environments: [prod]",
        "environments: [prod, dev]",
        &["wider refund: environments: dev added"],
    );
    check(
        "riskTier: low\n",
        "riskTier: high\n",
        &["narrower list: riskTier: low -> high"],
    );
    check(
        "approverRole: finance",
        "approverRole: finance\n  cost: 5",
        &["narrower refund: cost: 1 -> 5"],
    );
    check(
        "approverRole: finance",
        "approverRole: finance\n  cost: args.amount / 100.0",
        &["changed refund: cost: 1 -> args.amount / 100.0"],
    );
    check(
        "file:///logs/app",
        "file:///logs/",
        &[
            "wider resource file:///logs/*: anybody known: deny -> allow where args.uri = \"file:///logs/\", \"file:///logs/x\" (rule none -> logs)",
        ],
    );
}

#[test]
fn redactions() {
    let logs = "limits: [{ per: user, requests_per_hour: 60 }] }";
    let with =
        |redact: &str| format!("limits: [{{ per: user, requests_per_hour: 60 }}], {redact} }}");
    check(
        logs,
        &with("redact: [email, { at: [/a], by: drop, in: upstream }], audit: { level: full }"),
        &[
            "narrower rule logs: redact: /a in arguments: none -> drop",
            "narrower rule logs: redact: /a in upstream: none -> drop",
            "narrower rule logs: redact: email in results: none -> mask",
            "changed rule logs: audit: metadata -> full",
        ],
    );
}

#[test]
fn limits() {
    let was = "limits: 60 calls per hour for each user";
    for (to, direction, is) in [
        (
            "requests_per_hour: 120",
            "wider",
            "120 calls per hour for each user",
        ),
        (
            "requests_per_minute: 60",
            "wider",
            "60 calls per minute for each user",
        ),
        (
            "requests_per_day: 60",
            "narrower",
            "60 calls per day for each user",
        ),
        (
            "requests_per_hour: 60, burst: 5",
            "narrower",
            "60 calls per hour, 5 at once for each user",
        ),
    ] {
        let expected = format!("{direction} rule logs: {was} -> {is}");
        check("requests_per_hour: 60", to, &[&expected]);
    }
    check(
        "per: user, ",
        "per: [session, user], ",
        &[
            "wider rule logs: limits: 60 calls per hour for each user -> 60 calls per hour for each user and session",
        ],
    );
    check(
        "per: user, ",
        "",
        &["narrower rule logs: limits: 60 calls per hour for each user -> 60 calls per hour"],
    );
    check(
        ", limits: [{ per: user, requests_per_hour: 60 }]",
        "",
        &["wider rule logs: limits: 60 calls per hour for each user -> none"],
    );
    check(
        "requests_per_hour",
        "tokens_per_hour",
        &[
            "narrower rule logs: limits: none -> 60 estimated tokens of results per hour for each user",
            "wider rule logs: limits: 60 calls per hour for each user -> none",
        ],
    );
    check(
        "access: read",
        "access: read\n  limits: [{ concurrent_calls: 2 }]",
        &["narrower list: limits: none -> 2 calls at the same time"],
    );
}

#[test]
fn beside_the_rules() {
    check(
        "environment: prod\n",
        "environment: dev\n",
        &[
            "narrower refund: role agent; role lead: approval_required by finance -> deny where args.amount = 101 (rule large -> none)",
            "narrower refund: role agent; role lead: allow -> deny (rule small -> none)",
            "changed policy: environment: prod -> dev",
        ],
    );
    check(
        "environment: prod\n",
        "environment: prod\nrate_limit_service: { failure_mode: allow }\n",
        &["wider rate_limit_service: failure_mode: none -> allow"],
    );
    check(
        "servers: { pay: {} }",
        "servers: { pay: { cluster: other } }",
        &["wider server pay: cluster: none -> other"],
    );
    check(
        "environment: prod\n",
        "environment: prod\nidentity: { user: { mtls: spiffe }, roles: { header: x-roles, trusted: true }, scopes: { header: x-scopes, trusted: true } }\n",
        &[
            "wider refund: no scope pay:refund, role agent; no scope pay:refund, role lead: not listed -> listed",
            "wider identity: roles: none -> {\"header\":\"x-roles\",\"trusted\":true}",
            "wider identity: scopes: none -> {\"header\":\"x-scopes\",\"trusted\":true}",
            "wider identity: user: none -> {\"mtls\":\"spiffe\"}",
        ],
    );
}

#[test]
fn times() {
    check(
        "tool: list, require: { user: true }",
        "tool: list, require: { user: true }, when: 'now.getDayOfWeek() in [3] && now.getHours() < 18'",
        &[
            "narrower list: anybody known: allow -> deny where now = 2026-11-04T18:00:00Z (Wed), 2026-11-04T19:00:00Z (Wed), 2026-11-05T09:00:00Z (Thu), .. (rule list -> none)",
        ],
    );
}

#[test]
fn a_text_of_what_nothing_changed() {
    assert_eq!(change::text(&[]), "nothing changed\n");
    let change = |direction, message: &str| Change::new(direction, "t", message, None);
    let changes = [
        change(Direction::Wider, "one"),
        change(Direction::Breaking, "two"),
    ];
    let expected = "t\n  wider     one\n  breaking  two\n\n1 wider, 1 breaking\n";
    assert_eq!(change::text(&changes), expected);
}

#[test]
fn the_files_of_a_commit() {
    let folder = std::env::temp_dir().join(format!("toolgate-diff-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name);
    let git = |arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.arg("-C").arg(&folder);
        git.args(["-c", "user.name=t", "-c", "user.email=t@example.com"]);
        assert!(git.args(arguments).output().unwrap().status.success());
    };
    git(&["init", "--quiet"]);
    std::fs::write(path("registry.yaml"), REGISTRY).unwrap();
    std::fs::write(path("policy.yaml"), POLICY).unwrap();
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "one"]);
    std::fs::write(path("policy.yaml"), "not: [whole").unwrap();
    let files = Files {
        registry: vec![path("registry.yaml")],
        // The second is not in the commit, so that it is new.
        policy: vec![path("policy.yaml"), path("more.yaml")],
        bundle: None,
    };
    let Ok(old) = side::load_commit(&files, "HEAD").unwrap() else {
        panic!("the commit holds together");
    };
    let named = |name: &str| format!("HEAD:{}", path(name).display());
    let names: Vec<_> = old
        .sources
        .iter()
        .map(|source| source.name.clone())
        .collect();
    assert_eq!(names, [named("registry.yaml"), named("policy.yaml")]);
    assert!(
        compare(&old, &load(REGISTRY, POLICY), NOW)
            .changes
            .is_empty()
    );
    for commit in ["nowhere", "--version", ""] {
        let error = side::load_commit(&files, commit).err().unwrap().to_string();
        assert_eq!(error, format!("git does not know `{commit}`"));
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn breakers() {
    check(
        "servers: { pay: {} }",
        "servers: { pay: { breaker: { failures: 3 } } }",
        &["narrower server pay: breaker: none -> {\"failures\":3}"],
    );
    check(
        "  authScope: pay:refund\n",
        "  authScope: pay:refund\n  breaker: {}\n",
        &["narrower refund: breaker: none -> {}"],
    );
}
