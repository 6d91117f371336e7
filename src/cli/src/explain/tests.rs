use std::{env, fs, process};

use serde_json::{Value, json};

use super::*;

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("toolgate-explain-{name}-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let folder = Self(folder);
        folder.write("registry.yaml", REGISTRY);
        folder.write("p.yaml", POLICY);
        folder.write("p.test.yaml", TESTS);
        folder
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The test of this name, as text without colours and as JSON.
    fn test(&self, name: &str) -> (String, Value) {
        let named = format!("{}#{name}", self.0.join("p.test.yaml").display());
        self.tell(
            input::from_test(&named)
                .unwrap()
                .unwrap_or_else(|_| panic!()),
        )
    }

    /// The call that this record tells of.
    fn record(&self, record: &Value) -> (String, Value) {
        let files = Files {
            registry: vec![self.0.join("registry.yaml")],
            policy: vec![self.0.join("p.yaml")],
            bundle: None,
        };
        let path = self.write("record.json", &json!({ "toolgate": record }).to_string());
        self.tell(input::from_record(&path, files).unwrap())
    }

    fn tell(&self, question: input::Question) -> (String, Value) {
        let asked = question.ask().unwrap().unwrap_or_else(|_| panic!());
        let story = Story::of(&asked);
        let text = anstream::adapter::strip_str(&story.text()).to_string();
        (
            text.replace(&format!("{}/", self.0.display()), ""),
            story.json(),
        )
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const REGISTRY: &str = "\
servers: { pay: { breaker: { failures: 3 } } }
tools:
- { name: refund, mcpServer: pay, authScope: pay, inputSchema: { type: object, properties: { amount: { type: number } } } }
- { name: close, mcpServer: pay, tenants: [north], cost: 1 + size(args), inputSchema: { type: object } }
";

const POLICY: &str = "\
version: v1
identity:
  user: { header: x-user, trusted: true }
  roles: { header: x-roles, trusted: true }
  scopes: { header: x-scopes, trusted: true }
  tenant: { header: x-tenant, trusted: true }
rules:
- { id: small, tool: refund, require: { user: true, roles: [support, lead] }, when: args.amount <= 100, decision: allow }
- { id: large, tool: refund, require: { roles: [lead] }, when: args.amount > 100, decision: approval_required, approver_role: boss, approvals: 2 }
- { id: unlucky, tool: refund, when: args.amount == 13.0, decision: deny, reason: Not thirteen. }
- { id: tried, mode: shadow, tool: refund, when: args.amount > 50, decision: deny }
- { id: open, tool: close, decision: allow, limits: [{ id: loop, per: [tenant, call], requests_per_minute: 2 }, { concurrent_calls: 4 }], redact: [email, { find: [iban], in: upstream, by: drop }], audit: { level: full } }
";

const TESTS: &str = "\
now: 2026-11-13T10:00:00Z
callers:
  sue: { user: sue, roles: [support], scopes: [pay] }
  lea: { user: lea, roles: [lead], scopes: [pay] }
tests:
- { name: small, caller: sue, call: refund, arguments: { amount: 60 }, expect: { decision: allow } }
- { name: large, caller: sue, call: refund, arguments: { amount: 500 }, expect: { decision: deny } }
- { name: asked, caller: lea, call: refund, arguments: { amount: 500 }, expect: { decision: approval_required } }
- { name: unlucky, caller: lea, call: refund, arguments: { amount: 13 }, expect: { decision: deny } }
- { name: absent, caller: lea, call: refund, arguments: {}, expect: { decision: deny } }
- { name: contract, caller: sue, call: refund, arguments: { amount: many }, expect: { decision: deny } }
- { name: scope, caller: { user: sue, roles: [support] }, call: refund, arguments: { amount: 1 }, expect: { decision: deny } }
- { name: south, caller: { tenant: south }, call: close, expect: { decision: deny } }
- { name: north, caller: { tenant: north }, call: close, expect: { decision: allow } }
- { name: thrice, caller: { tenant: north }, call: close, repeat: 3, expect: { decision: deny } }
- { name: unknown, call: nothing, expect: { decision: deny } }
- { name: list, caller: sue, list: tools, expect: { visible: [refund] } }
";

#[test]
fn every_rule_is_told_with_its_parts() {
    let (text, _) = Folder::new("text").test("large");
    assert_eq!(
        text,
        "\
deny: no rule allows it (no_rule)
  in shadow mode it is: deny (tried)
  the agent is told: Denied: no policy rule allows this call. Do not repeat it unchanged.

tool `refund` of `pay` for user sue; roles support; scopes pay, at 2026-11-13T10:00:00.000Z
  ok authScope       pay -> pay

rule small does not apply  p.yaml:8:3
  ok require.user    known -> sue
  ok require.roles   one of lead, support -> support
  no when            args.amount <= 100 -> false
                     args.amount -> 500

rule large does not apply  p.yaml:9:3
  no require.roles   lead -> support
  ok when            args.amount > 100 -> true
                     args.amount -> 500

rule unlucky does not apply  p.yaml:10:3
  no when            args.amount == 13.0 -> false
                     args.amount -> 500

rule tried (in shadow mode) applies: deny  p.yaml:11:3
  ok when            args.amount > 50 -> true
                     args.amount -> 500

1 rule is about something else

For it to be allowed
  - one of these:
      rule `small` would allow it if `args.amount <= 100` held (it is false)
      rule `large` would ask for an approval if `require.roles` were lead (it is support)
"
    );
}

#[test]
fn what_counts_a_call_is_told() {
    let (text, json) = Folder::new("north").test("north");
    assert_eq!(
        text,
        "\
allow by rule `open` (rule)

tool `close` of `pay` for tenant north, at 2026-11-13T10:00:00.000Z
  ok tenants         north -> north

rule open applies: allow  p.yaml:12:3

4 rules are about something else

cost 1  1 + size(args)

limit loop  p.yaml:12:54
     2 calls per minute for each tenant and call; here tenant north, these arguments

limit open.concurrent_calls  p.yaml:12:113
     4 calls at the same time

breaker server:pay
     3 failures in 60s keep calls away for 30s

redact results
     email mask

redact arguments
     iban drop

redact upstream
     iban drop

audit full
"
    );
    assert_eq!(
        json["uses"][0]["counted"]["redact"]["upstream"]["iban"],
        "drop"
    );
    let limits = &json["uses"][0]["counted"]["limits"];
    assert_eq!(limits[0]["name"], "loop");
    assert_eq!(limits[0]["here"]["tenant"], "north");
}

/// How a test ends, and what would have to change.
#[track_caller]
fn check(name: &str, ending: &str, changes: &[&str]) {
    let (text, json) = Folder::new(name).test(name);
    assert_eq!(text.lines().next().unwrap_or_default(), ending);
    assert_eq!(json["changes"], json!(changes));
}

#[test]
fn what_would_have_to_change_is_told() {
    check("small", "allow by rule `small` (rule)", &[]);
    check(
        "asked",
        "approval_required by rule `large`, to be approved by 2 people with the role boss: nobody can be asked for an approval (approver_unreachable)",
        &["somebody has to approve it, says rule `large`"],
    );
    check(
        "unlucky",
        "deny by rule `unlucky` (rule)",
        &["rule `unlucky` must not match: it denies where `args.amount == 13.0`"],
    );
    check(
        "absent",
        "deny by rule `small`: a condition could not be evaluated (condition_failed)",
        &[
            "the condition of rule `small` must not fail: there is no `args.amount`",
            "the condition of rule `large` must not fail: there is no `args.amount`",
            "the condition of rule `unlucky` must not fail: there is no `args.amount`",
        ],
    );
    check(
        "contract",
        "deny: the arguments are not what the input schema says (invalid_arguments)",
        &["the arguments have to be what the input schema says"],
    );
    check(
        "scope",
        "deny: the caller's token lacks a scope (insufficient_scope)",
        &["`authScope` asks for pay, and there is none"],
    );
    check(
        "south",
        "deny: it does not exist for the caller's tenant (hidden_tenant)",
        &["`tenants` asks for north, and there is south"],
    );
    check(
        "thrice",
        "deny by limit `loop`: the same call was made too often (loop_detected)",
        &["limit `loop` has to have room for it"],
    );
    check(
        "unknown",
        "deny: nothing of this name is registered for this server (unregistered)",
        &["no rule was asked: it ended with `unregistered` before"],
    );
    check(
        "list",
        "allow: whoever may speak to this server may do this (protocol)",
        &[],
    );
}

#[test]
fn a_record_tells_no_more_than_it_holds() {
    let folder = Folder::new("record");
    let record = |name: &str| folder.test(name).1["record"].clone();
    let (_, open) = folder.record(&record("asked"));
    assert_eq!(open["recorded"]["decision"], "approval_required");
    assert_eq!(open["decision"], Value::Null);
    assert_eq!(
        open["between"],
        json!(["deny", "allow", "approval_required"])
    );
    assert_eq!(open["unknown"], json!(["arguments"]));
    let (_, certain) = folder.record(&record("south"));
    assert_eq!(certain["decision"], "deny");
    assert_eq!(certain["reason"], "hidden_tenant");
    assert_eq!(certain["unknown"], json!([]));
    // Roles that are not recorded are not taken for none.
    let mut lacking = record("south");
    lacking["toolName"] = json!("refund");
    let members = lacking.as_object_mut().unwrap();
    members.remove("roles");
    members.remove("scopes");
    let (text, lacking) = folder.record(&lacking);
    assert_eq!(lacking["decision"], Value::Null, "{text}");
    assert_eq!(lacking["unknown"], json!(["roles", "scopes"]));
    let (text, unused) = folder.record(&record("unknown"));
    assert_eq!(
        (&unused["decision"], &unused["uses"]),
        (&Value::Null, &json!([]))
    );
    assert!(text.contains("no rule is asked"), "{text}");
}

#[test]
fn a_call_of_a_server_that_speaks_plain_http() {
    let orders = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/orders");
    let question = |name: &str| {
        let question = input::from_test(&format!("{orders}/policy.test.yaml#{name}"));
        question.unwrap().unwrap_or_else(|_| panic!())
    };
    let folder = Folder::new("plain");
    let (text, json) = folder.tell(question("the shop cancels"));
    let lines = [
        "  it becomes:        POST /v1/orders/O-1/cancellations\n",
        "                     content-type: application/json\n",
        r#"                     {"note":"Cancelled by an agent: late","notify":true,"reason":"late"}"#,
    ];
    assert!(text.contains(&lines.concat()), "{text}");
    let sent = json.get("sent");
    let begins = |sent: &str| sent.starts_with("POST /v1/orders/O-1/cancellations\n");
    assert!(sent.and_then(Value::as_str).is_some_and(begins), "{json}");
    let (text, _) = folder.tell(question("no argument leads elsewhere"));
    assert!(!text.contains("it becomes:"), "{text}");
}
