// TypeScript SDK v2: calls on one session at argv[2], as drive.mjs has them.
// argv[3] is the era: `legacy`, `auto`, or a version.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { drive } from "./drive.mjs";

const { url, headers, era } = drive.arguments();
const mode = ["legacy", "auto"].includes(era) ? era : { pin: era };
const client = new Client(
  { name: "calls-v2", version: "1" },
  { capabilities: drive.capabilities, versionNegotiation: { mode } },
);
if (drive.elicits) client.setRequestHandler("elicitation/create", drive.elicit);
await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
await drive.calls(client);
