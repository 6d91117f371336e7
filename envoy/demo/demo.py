"""The demo: three servers behind one address of Envoy, and an agent that works for Alice.

    demo.py         start everything, show what becomes of calls, stop everything
    demo.py up      start everything, leave it running, say what to try
    demo.py down    end what `up` started

The CRM is a server of the Rust SDK, payments one of the TypeScript SDK that only speaks an earlier
protocol, and shipping speaks plain HTTP. The agent is the official Python SDK. The script plays the
agents' identity provider as well: it makes a key pair when it starts, and only the public half is
written, for Envoy to read. Approvers sign in at the issuer that `toolgate run --approvals` starts for
trying out. It exits with 1 when any call ends otherwise than it should.
"""

import asyncio
import contextlib
import json
import secrets
import signal
import sys
import textwrap
import time

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from stack import APPROVALS, GATEWAY, ISSUER as SIGN_IN, RUN, Stack, down

ISSUER = "https://idp.example.com"
AUDIENCE = f"http://{GATEWAY}"
URL = f"{AUDIENCE}/mcp"
COMMON = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": "2026-07-28",
}
ALICE = {
    "sub": "alice@example.com",
    "azp": "support-agent-v3",
    "client_id": "support-agent",
    "tenant": "tenant_a",
    "groups": ["support_agent"],
    "scope": "crm:read crm:write crm:admin payments:refund",
}


# ---- The identity provider.


class Issuer:
    """Signs tokens with a key that exists in this process alone."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())

    def jwks(self):
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [public | {"kid": "demo", "use": "sig", "alg": "ES256"}]}

    def policy(self):
        """Where facts about callers come from: what policies/identity.yaml is elsewhere."""
        issuer = {"issuer": ISSUER, "audiences": [AUDIENCE], "jwks": {"inline": self.jwks()}}
        facts = {
            "user": "sub", "agent": "azp", "app": "client_id", "tenant": "tenant",
            "roles": "groups", "scopes": "scope",
        }  # fmt: skip
        claims = {fact: {"jwt": claim} for fact, claim in facts.items()}
        return {"identity": {"issuers": [issuer], "resource": AUDIENCE, **claims}}

    def token(self, claims, hours=1):
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + hours * 3600} | claims
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": "demo"})


# ---- What happens, and what should.


class Transcript:
    """Makes each call, shows it, and holds the outcome against what it should be."""

    def __init__(self, stack):
        self.stack = stack
        self.trace = None
        self.wrong = []
        self.colour = sys.stdout.isatty()

    @contextlib.asynccontextmanager
    async def agent(self, token):
        """A connected client. Its requests carry a trace id, by which audit is found again."""

        async def traced(request):
            request.headers["authorization"] = f"Bearer {token}"
            request.headers["traceparent"] = f"00-{self.trace}-{secrets.token_hex(8)}-01"

        self.trace = secrets.token_hex(16)
        http = httpx2.AsyncClient(event_hooks={"request": [traced]}, timeout=30)
        async with http, Client(streamable_http_client(URL, http_client=http)) as client:
            yield client

    async def step(self, title, request, call, show, whole=False, **expected):
        print(f"\n{self.paint(1, title)}\n  agent    {request}")
        self.trace = secrets.token_hex(16)
        try:
            answer = await call()
        except (MCPError, httpx2.HTTPError, ExceptionGroup) as error:
            answer = innermost(error)
        record = await self.record(request.split()[0])
        for line in show(answer).splitlines():
            print(f"  gets     {line}")
        decision = record.get("decision", "none")
        colour = {"allow": 32, "approval_required": 33}.get(decision, 31)
        rule = f" by rule {record['rule']}" if "rule" in record else ""
        print(f"  decision {self.paint(colour, decision)}{rule}, reason {record.get('reason')}")
        shown = record if whole else {key: record[key] for key in SHOWN if key in record}
        for line in textwrap.wrap(json.dumps(shown, ensure_ascii=False), 96):
            print(self.paint(2, f"  audit    {line}"))
        for key, value in expected.items():
            got = show(answer) if key == "gets" else record.get(key)
            if (value not in got) if key == "gets" else (got != value):
                self.wrong.append(f"{title} {key} is {got!r}, should be {value!r}")
        return answer

    async def approve(self, title, answer, reason):
        """Somebody of finance reads what waits, and approves it: by the API, as the page does."""
        waits = denial(answer).get("approvalId")
        print(f"\n{self.paint(1, title)}")
        async with httpx2.AsyncClient(timeout=30) as http:
            fiona = {"user": "fiona@example.com", "roles": "finance_approver"}
            token = (await http.get(f"http://{SIGN_IN}/token", params=fiona)).text
            http.headers["authorization"] = f"Bearer {token}"
            url = f"http://{APPROVALS}/v1/asks/{waits}"
            read = (await http.get(url)).json()
            print(f"  fiona    GET /v1/asks/{waits}")
            ask = read.get("ask", {})
            print(f"  reads    {ask.get('tool')} {ask.get('arguments')} for {ask.get('user')}")
            print(f"  fiona    POST /v1/asks/{waits}/approve {json.dumps({'reason': reason})}")
            done = (await http.post(f"{url}/approve", json={"reason": reason})).json()
        state = done.get("state", done)
        print(f"  gets     {self.paint(32, state)}")
        if state != "approved":
            self.wrong.append(f"{title} state is {state!r}, should be 'approved'")

    async def record(self, method):
        """The last audit record of the present trace with that JSON-RPC method."""
        for _ in range(100):
            for line in reversed(self.stack.audit.read_text().splitlines()):
                record = json.loads(line)["toolgate"]
                if record.get("traceId") == self.trace and record.get("method", method) == method:
                    return record
            await asyncio.sleep(0.05)
        return {}

    def paint(self, code, text):
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


# What the transcript shows of an audit record; one step shows all of it.
SHOWN = (
    "userId", "agentId", "tenant", "server", "toolName", "riskTier", "access", "listed", "decision",
    "rule", "reason", "message", "limit", "retryAfterMs", "limits", "approvers", "approval",
    "redactions", "policyVersion", "status", "durationMs",
)  # fmt: skip


def innermost(error):
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def names(answer):
    return ", ".join(tool.name for tool in answer.tools)


def said(answer):
    if isinstance(answer, MCPError):
        return f"error {answer.code}: {answer.message}"
    if isinstance(answer, Exception):
        return str(answer)
    mark = "tool error: " if answer.is_error else ""
    return mark + "\n".join(part.text for part in answer.content)


def denial(answer):
    """What the answer tells programs about a call that was not executed."""
    return (getattr(answer, "meta", None) or {}).get("toolgate/denial", {})


async def drive(stack, issuer):
    print("A CRM, payments and shipping stand behind one address. A support agent works for Alice.")
    t = Transcript(stack)
    alice = issuer.token(ALICE)
    async with t.agent(alice) as agent:
        await t.step(
            "1. What does Alice's support agent see? The three servers have eight tools.",
            "tools/list",
            agent.list_tools,
            names,
            decision="allow",
            listed={"shown": 6, "hidden": 2},
            gets="create_support_ticket, lookup_customer, read_order_history, refund_customer, "
            "search_accounts, track_order",
        )
        await t.step(
            "2. It looks up a customer, and does not learn where to write to them.",
            'tools/call lookup_customer {"customerId": "C-1001"}',
            lambda: agent.call_tool("lookup_customer", {"customerId": "C-1001"}),
            said,
            decision="allow",
            rule="support-reads",
            gets='"[email]"',
        )
        await t.step(
            "3. It tracks a parcel. Shipping speaks plain HTTP, and says more than agents should know.",
            'tools/call track_order {"orderId": "O-9006"}',
            lambda: agent.call_tool("track_order", {"orderId": "O-9006"}),
            said,
            decision="allow",
            rule="tracking",
            server="shipping",
            gets='{"carrier":"Post","expected":"2026-04-14","orderId":"O-9006","state":"in transit"}',
        )
        broken = {"customerId": "C-1001", "orderId": "O-9006", "amount": -5, "note": "be quick"}
        await t.step(
            "4. It asks for a refund, with arguments that break the contract.",
            f"tools/call refund_customer {json.dumps(broken)}",
            lambda: agent.call_tool("refund_customer", broken),
            said,
            decision="deny",
            reason="invalid_arguments",
            gets="/amount",
        )
        large = {
            "customerId": "C-1001", "orderId": "O-9006", "amount": 250.0,
            "reason": "The machine arrived broken.",
        }  # fmt: skip

        async def ask(title, refund, **expected):
            return await t.step(
                title,
                f"tools/call refund_customer {json.dumps(refund)}",
                lambda: agent.call_tool("refund_customer", refund),
                said,
                decision="approval_required",
                rule="large-refunds",
                **expected,
            )

        waits = {"reason": "approval_pending", "approvers": ["finance_approver"]}
        asked = await ask(
            "5. The call is right now, and above what an agent may do alone.", large, **waits
        )
        await t.approve(
            "6. Fiona of finance sees exactly what would be executed, and approves it.",
            asked,
            "The machine is back.",
        )
        await ask(
            "7. The agent repeats the call, and it goes through: the approval is used up.",
            large,
            whole=True,
            reason="approved",
            approver="fiona@example.com",
            gets="settled",
        )
        await ask("8. The same call a third time waits again.", large, **waits)
        await ask(
            "9. So does another amount: an approval is for what was approved.",
            large | {"amount": 251.0},
            **waits,
        )
        await t.step(
            "10. It tries the tool that was hidden. No scope is missing; for agents it just does not exist.",
            'tools/call delete_customer {"customerId": "C-1001"}',
            lambda: agent.call_tool("delete_customer", {"customerId": "C-1001"}),
            said,
            decision="deny",
            rule="never-autonomous",
            gets="error -32602: Unknown tool: delete_customer",
        )

        async def stuck():
            # Should a minute end meanwhile, the count begins anew.
            for _ in range(25):
                t.trace = secrets.token_hex(16)
                answer = await agent.call_tool("read_order_history", {"customerId": "C-1002"})
                if answer.is_error:
                    break
            return answer

        await t.step(
            "11. It gets stuck: it asks the same again and again, until somebody stops it.",
            'tools/call read_order_history {"customerId": "C-1002"}, again and again',
            stuck,
            said,
            decision="deny",
            reason="loop_detected",
            limit="loop",
            gets="same",
        )
    forged = Issuer().token(ALICE)
    await t.step(
        "12. Somebody signs Alice's token with a key of their own.",
        "tools/call read_order_history",
        lambda: bare(t, forged),
        str,
        decision="deny",
        reason="invalid_token",
        status=401,
        gets="resource_metadata=",
    )
    for line in t.wrong:
        print(f"\nnot as it should be: {line}", file=sys.stderr)
    if not t.wrong:
        print("\nAll ended as they should. Whole audit records: .run/audit.log")
    return 1 if t.wrong else 0


async def bare(transcript, token):
    """One request without a client, so that the answer is seen as it is."""
    async with httpx2.AsyncClient(timeout=30) as http:
        answer = await http.post(
            URL,
            headers={
                "authorization": f"Bearer {token}",
                "traceparent": f"00-{transcript.trace}-{secrets.token_hex(8)}-01",
                **headers("tools/call", "read_order_history"),
            },
            json=message(
                "tools/call", name="read_order_history", arguments={"customerId": "C-1001"}
            ),
        )
    challenge = answer.headers.get("www-authenticate", "")
    return f"HTTP {answer.status_code}\nwww-authenticate: {challenge}"


# ---- The protocol of 2026-07-28 by hand, for requests without a client.


def headers(method, name=None):
    return COMMON | {"mcp-method": method} | ({"mcp-name": name} if name else {})


def message(method, **params):
    meta = {
        "io.modelcontextprotocol/protocolVersion": COMMON["mcp-protocol-version"],
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params | {"_meta": meta}}


def curl(method, **params):
    flags = " -H @.run/headers"
    for name in ("mcp-method", "mcp-name"):
        if value := headers(method, params.get("name")).get(name):
            flags += f" -H '{name}: {value}'"
    return f"  curl {URL}{flags} -d '{json.dumps(message(method, **params))}'"


def up(stack, issuer):
    given = {"authorization": f"Bearer {issuer.token(ALICE, hours=12)}"} | COMMON
    (RUN / "headers").touch(mode=0o600)
    (RUN / "headers").write_text("".join(f"{name}: {value}\n" for name, value in given.items()))
    refund = {"customerId": "C-1001", "orderId": "O-9004", "reason": "Beans were stale."}
    print(
        "Running. Alice's token, in .run/headers, lasts twelve hours. What she sees:\n"
    )
    print(curl("tools/list"))
    print("\nA refund, a larger one, and one that breaks the contract:\n")
    for amount in (20, 250, -1):
        arguments = refund | {"amount": amount}
        print(curl("tools/call", name="refund_customer", arguments=arguments), end="\n\n")
    print(f"The larger one waits:  http://{APPROVALS} in a browser; say that you are fiona, approve it, and")
    print("                       the same curl goes through, once")
    print("Each decision, live:   tail -f .run/toolgate.log")
    print("Audit records:         tail -f .run/audit.log")
    print("Another policy:        edit policies/policy.yaml; it is live a second later")
    print("Stop:                  make down")


def main():
    match sys.argv[1:]:
        case ["down"]:
            return down()
        case [] | ["up"] as arguments:
            stack, issuer = Stack(), Issuer()
            try:
                stack.start(issuer.policy())
                if arguments:
                    up(stack, issuer)
                    stack.processes.clear()
                    return 0
                return asyncio.run(drive(stack, issuer))
            finally:
                stack.stop()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
