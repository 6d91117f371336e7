// TypeScript SDK v2 through the OAuth flow; calls and outcomes as in calls-v2.mjs.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";
import { drive } from "./drive.mjs";
import { run } from "./oauth.mjs";

const { era } = drive.arguments();
const mode = ["legacy", "auto"].includes(era) ? era : { pin: era };
await run({
  UnauthorizedError,
  open: (url, authProvider) => new StreamableHTTPClientTransport(url, { authProvider }),
  finish: (transport, parameters) => transport.finishAuth(parameters),
  async connect(transport) {
    const client = new Client(
      { name: "oauth-v2", version: "1" },
      { capabilities: {}, versionNegotiation: { mode } },
    );
    await client.connect(transport);
    return client;
  },
});
