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
- { id: logs, resources: "file:///logs/*", require: { user: true }, when: args.uri.startsWith("file:///logs/app"), decision: allow }
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
        "file:///logs/app",
        "file:///logs/",
        &[
            "wider file:///logs/*: anybody known: deny -> allow where args.uri = \"file:///logs/\", \"file:///logs/x\" (rule none -> logs)",
        ],
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
}
