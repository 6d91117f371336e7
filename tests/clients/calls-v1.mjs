// TypeScript SDK v1: the calls of argv[3] on one session at argv[2]; outcomes as JSON lines.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { drive } from "./drive.mjs";

const { url, headers } = drive.arguments();
const client = new Client({ name: "calls-v1", version: "1" }, { capabilities: {} });
await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
await drive.calls(client);
