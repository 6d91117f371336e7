// TypeScript SDK v1: calls on one session at argv[2], as drive.mjs has them.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { drive } from "./drive.mjs";

const { url, headers } = drive.arguments();
const client = new Client(
  { name: "calls-v1", version: "1" },
  { capabilities: drive.capabilities },
);
if (drive.elicits) client.setRequestHandler(ElicitRequestSchema, drive.elicit);
await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
await drive.calls(client);
