// TypeScript SDK v2: the calls of argv[3] on one session at argv[2]; outcomes as JSON lines.
// argv[4] is the era: `legacy`, `auto`, or a version.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { drive } from "./drive.mjs";

const { url, headers, era } = drive.arguments();
const mode = ["legacy", "auto"].includes(era) ? era : { pin: era };
const client = new Client(
  { name: "calls-v2", version: "1" },
  { capabilities: {}, versionNegotiation: { mode } },
);
await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
await drive.calls(client);
