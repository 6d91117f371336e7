// People at the page, in a real browser: `page.mjs SERVICE ISSUER SECRET live|plain|FOLDER`, where
// `plain` is without JavaScript, and a folder is where pictures go.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [service, issuer, secret, mode] = process.argv.slice(2);
const live = mode !== "plain";
const pictures = mode === "live" || mode === "plain" ? undefined : mode;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const flags = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

const post = async (path, token, body) => {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(service + path, { method: "POST", headers, body: JSON.stringify(body) });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
};

const token = async (user, roles) =>
  (await fetch(`${issuer}/token?${new URLSearchParams({ user, roles })}`)).text();

// RFC 8785 for what is written here: members in order.
const canonical = (value) =>
  JSON.stringify(value, (_, inner) =>
    inner && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner);

const ask = async (tool, args, more = {}) => {
  const body = {
    tool, arguments: canonical(args), user: "alice", agent: "support-bot", environment: "production",
    server: "payments", needs: [{ approver: { role: "finance_approver" } }], rule: "large-refunds",
    policyVersion: "f79bac36fd0d", contractVersion: "2", riskTier: "high", access: "write",
    dataClassification: "customer", ...more,
  };
  return (await post("/v1/asks", secret, body)).id;
};

const faults = [];
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: flags });

const open = async (user, roles, colorScheme = "light", height = 900) => {
  const context = await browser.newContext({ colorScheme, javaScriptEnabled: live, viewport: { width: 1120, height } });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("console", (line) => {
    // A page that says no is no fault; what the policy stops, or a script throws, is.
    if (line.type() === "error" && !line.text().includes("the server responded with a status of 4")) faults.push(line.text());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(`${service}/`);
  assert(page.url().startsWith(`${issuer}/authorize?`), page.url());
  await page.fill("#user", user);
  await page.fill("#roles", roles);
  await page.press("#roles", "Enter");
  await page.waitForURL(`${service}/`);
  return page;
};

const shows = (page, text) => page.locator("main").getByText(text).first().waitFor();

const go = async (page, path) => {
  await page.goto(service + path);
  return page;
};

const submit = async (page, button, reason) => {
  if (reason !== undefined) await page.fill("#reason", reason);
  await Promise.all([page.waitForNavigation(), page.getByRole("button", { name: button, exact: true }).click()]);
};

const told = (what) => console.log(JSON.stringify(what));

// ---- What both see.

const decide = async () => {
  const refund = { amount: 250, customerId: "C-1001", orderId: "O-9006", card: { number: "4111 1111 1111 1111" }, reason: "The parcel never arrived." };
  const first = await ask("refund_customer", refund, { sensitive: ["/card/number"], metaReason: "The customer is upset." });
  const second = await ask("send_payout", { amount: 1899.99, text: "Bonus\u202e<b>" }, { user: "clara" });
  const page = await open("fiona", "finance_approver");
  await shows(page, "For you to decide");

  await page.getByRole("link", { name: "refund_customer" }).click();
  await page.waitForURL(`${service}/asks/${first}`);
  for (const text of ["250", "C-1001", "masked", "nobody has verified it", "0 of 1"]) await shows(page, text);
  assert(!(await page.content()).includes("4111"));
  await submit(page, "Approve", "Order checked.");
  await shows(page, "The agent can repeat this very call, once.");
  await page.getByRole("link", { name: "Next for you" }).click();
  await page.waitForURL(`${service}/asks/${second}`);
  await shows(page, "U+202E");
  // Without a reason nothing is refused: the browser says so itself.
  await page.getByRole("button", { name: "Refuse", exact: true }).click();
  assert.equal(await page.locator("#reason:invalid").count(), 1);
  await submit(page, "Refuse", "Nobody agreed to this.");
  await shows(page, "Nobody agreed to this.");
  told({ decided: [first, second] });

  // Somebody else was faster.
  const third = await ask("refund_customer", { ...refund, amount: 300 });
  if (!live) {
    await go(page, `/asks/${third}`);
    await post(`/v1/asks/${third}/approve`, await token("otto", "finance_approver"), {});
    await submit(page, "Refuse", "Too late?");
    await shows(page, "Your decision was not taken");
    assert.equal(await page.inputValue("#reason"), "Too late?");
    await submit(page, "Take back", "Too late, but taken back.");
    await shows(page, "Taken back by");
  }

  await go(page, "/history");
  await page.fill("#text", "nobody AGREED");
  await page.press("#text", "Enter");
  await page.waitForURL(/text=nobody\+AGREED/);
  assert.deepEqual(await page.locator("h3").allTextContents(), ["send_payout"]);
  await page.selectOption("#state", "approved");
  await page.getByRole("button", { name: "Search" }).click();
  await shows(page, "Nothing was found.");
  told({ searched: page.url() });

  const auditor = await open("anna", "finance_approver auditor");
  const masked = await ask("refund_customer", { ...refund, amount: 400 }, { sensitive: ["/card/number"] });
  await go(auditor, `/asks/${masked}`);
  await submit(auditor, "Show masked values");
  await shows(auditor, "4111 1111 1111 1111");
  await go(page, `/asks/${masked}`);
  await shows(page, "unmasked");
  told({ unmasked: masked });

  await submit(page, "Log out");
  await shows(page, "You are logged out");
  await page.goto(`${service}/history`);
  assert(page.url().startsWith(issuer), page.url());
};

// ---- What is live.

const watch = async () => {
  const page = await open("fiona", "finance_approver");
  await ask("change_limit", { limit: 9 }, { user: "bruno" });
  await shows(page, "change_limit");
  assert.match(await page.title(), /^\(\d+\) Queue/);
  await page.locator("body").press("j");
  assert.equal(await page.evaluate(() => document.activeElement.matches("h3 a")), true);

  const id = await ask("pay", { amount: 7 }, { needs: [{ approver: { role: "finance_approver" }, approvals: 2 }] });
  await go(page, `/asks/${id}`);
  await page.locator("summary").click();
  await page.locator("#reason").pressSequentially("half a rea");
  await post(`/v1/asks/${id}/approve`, await token("otto", "finance_approver"), {});
  await shows(page, "1 of 2");
  const typed = await page.evaluate(() => {
    const field = document.activeElement;
    return [field.id, field.value, field.selectionStart, document.querySelector("details").open];
  });
  assert.deepEqual(typed, ["reason", "half a rea", 10, true]);
  await page.keyboard.type("son");
  await page.reload();
  assert.equal(await page.inputValue("#reason"), "half a reason");
  await submit(page, "Approve");
  await shows(page, "2 of 2");
  told({ watched: id });
};

// ---- Whether everybody can use it.

const inspect = async () => {
  const id = await ask("refund_customer", { amount: 1, list: [1, { a: null }], card: "1" }, { sensitive: ["/card"] });
  for (const scheme of ["light", "dark"]) {
    const page = await open("anna", "finance_approver auditor ops", scheme);
    for (const path of ["/", `/asks/${id}`, "/history", "/history?text=nothing", "/delegations", "/deliveries", "/asks/none", "/logout"]) {
      await go(page, path);
      // In a world of its own, where the page's policy does not stop it.
      const session = await page.context().newCDPSession(page);
      const { frameTree } = await session.send("Page.getFrameTree");
      const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
      const run = (expression) => session.send("Runtime.evaluate", { expression, contextId: executionContextId, awaitPromise: true, returnByValue: true });
      await run(axe);
      const { result } = await run("axe.run().then(({ violations, passes }) => ({ passes: passes.length, violations: violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html + node.failureSummary)]) }))");
      assert.deepEqual(result.value?.violations, [], `${scheme} ${path}: ${JSON.stringify(result, null, 1)}`);
      assert(result.value.passes > 15, path);
      told({ accessible: path, scheme, checks: result.value.passes });
    }
  }
  // The keyboard alone: past the menu, and to the first ask.
  const page = await open("fiona", "finance_approver");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.matches("h3 a")), true);
};

// ---- Pictures for the documentation.

const picture = async () => {
  const [fiona, otto] = [await token("fiona", "finance_approver"), await token("otto", "finance_approver")];
  const refund = { amount: 120, currency: "EUR", customerId: "C-1001", orderId: "O-8811", reason: "The parcel never arrived." };
  const past = async (args, verdict, by, reason, more) => {
    const id = await ask("refund_customer", args, more);
    await post(`/v1/asks/${id}/${verdict}`, by, { reason });
    return id;
  };
  await past(refund, "approve", fiona, "Order checked.");
  await ask("refund_customer", refund);
  await past({ ...refund, orderId: "O-8902", amount: 940.5 }, "deny", fiona, "Paid back last week already: ticket 4711.");
  const taken = await past({ ...refund, orderId: "O-8903", amount: 180 }, "approve", otto, "Fine.", { user: "bruno" });
  await post(`/v1/asks/${taken}/revoke`, fiona, { reason: "The customer called: it has come." });
  const id = await ask("refund_customer", {
    ...refund, orderId: "O-9006", amount: 250, card: { expires: "12/27", number: "4111 1111 1111 1111" },
    lines: [{ price: 99.95, quantity: 2, sku: "LAMP-7" }, { price: 50.1, quantity: 1, sku: "SHIP" }],
  }, {
    sensitive: ["/card/number"], metaReason: "The customer asked twice; the carrier confirms the loss.",
    description: "Refunds an order, in part or in full. The money is sent at once.",
  });
  await ask("change_credit_limit", { customerId: "C-2040", limit: 15000, until: "2027-01-31" }, { user: "bruno", agent: "sales-copilot", riskTier: "medium", rule: "credit-limits", needs: [{ approver: { role: "finance_approver" }, approvals: 2 }] });
  await ask("send_payout", { amount: 1899.99, iban: "DE89 3704 0044 0532 0130 00", text: "Bonus Q3" }, { user: "clara", agent: "hr-bot", rule: "payouts" });
  await ask("delete_account", { customerId: "C-77" }, { user: "fiona", agent: "privacy-bot", rule: "erasure", needs: [{ approver: { role: "privacy_officer" } }] });
  const page = await open("fiona", "finance_approver auditor");
  for (const [name, path, height] of [["queue", "/", 680], ["ask", `/asks/${id}`, 860], ["history", "/history", 860]]) {
    await page.setViewportSize({ width: 1120, height });
    await go(page, path);
    await page.screenshot({ path: `${pictures}/${name}.png` });
    told({ picture: name });
  }
};

try {
  if (pictures) {
    await picture();
  } else {
    await decide();
    if (live) {
      await watch();
      await inspect();
    }
  }
  assert.deepEqual(faults, []);
} finally {
  await browser.close();
}
