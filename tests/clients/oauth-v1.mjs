// TypeScript SDK v1 through the OAuth flow; calls and outcomes as in calls-v1.mjs.
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { run } from "./oauth.mjs";

await run({
  UnauthorizedError,
  open: (url, authProvider) => new StreamableHTTPClientTransport(url, { authProvider }),
  finish: (transport, parameters) => transport.finishAuth(parameters.get("code")),
  async connect(transport) {
    const client = new Client({ name: "oauth-v1", version: "1" }, { capabilities: {} });
    await client.connect(transport);
    return client;
  },
});
