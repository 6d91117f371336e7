// The demo's payments: `payments.mjs PORT`, a server of the TypeScript SDK's first line. It speaks
// the protocol of 2025-11-25, in sessions, and nothing later.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import {
  CallToolRequestSchema, ErrorCode, ListToolsRequestSchema, McpError,
} from "@modelcontextprotocol/sdk/types.js";

// What orders came to, in EUR, by customer and order.
const TOTALS = {
  "C-1001 O-9006": 259.9, "C-1001 O-9004": 39.5, "C-1002 O-9003": 89,
  "C-1003 O-9005": 1290, "C-1004 O-9001": 24, "C-1005 O-9002": 4200,
};

const id = { type: "string", minLength: 3 };
const tool = (name, description, properties) => ({
  name, description,
  inputSchema: {
    type: "object", properties, required: Object.keys(properties), additionalProperties: false,
  },
});
const TOOLS = [
  tool("payments.refund", "Create a customer refund for a settled order.", {
    customerId: id, orderId: id,
    amount: { type: "number", minimum: 0.01, maximum: 5000 },
    reason: { type: "string", minLength: 10, maxLength: 500 },
  }),
  tool("payments.update_bank_details", "Change the account that refunds are paid to.", {
    customerId: id, iban: { type: "string", pattern: "^[A-Z]{2}[0-9A-Z]{13,32}$" },
  }),
];

const says = (text) => ({ content: [{ type: "text", text }] });
const gives = (content) => ({ ...says(JSON.stringify(content)), structuredContent: content });
const complains = (text) => ({ ...says(text), isError: true });

function run({ name, arguments: given = {} }) {
  const { customerId, orderId, amount } = given;
  switch (name) {
    case "payments.refund": {
      const total = TOTALS[`${customerId} ${orderId}`];
      if (total === undefined) return complains(`${customerId} has no order ${orderId}.`);
      if (amount > total) {
        return complains(`${orderId} was ${total.toFixed(2)} EUR; that is less than ${amount.toFixed(2)}.`);
      }
      return gives({ refundId: `R-${orderId}`, status: "settled" });
    }
    case "payments.update_bank_details":
      return gives({ customerId, status: "updated" });
    default:
      throw new McpError(ErrorCode.InvalidParams, `Unknown tool: ${name}`);
  }
}

// By session.
const transports = new Map();

async function open() {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (session) => transports.set(session, transport),
    onsessionclosed: (session) => transports.delete(session),
  });
  const server = new Server({ name: "payments", version: "1.0.0" }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: TOOLS }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => run(params));
  await server.connect(transport);
  return transport;
}

const http = createServer(async (request, response) => {
  const session = request.headers["mcp-session-id"];
  const transport = session ? transports.get(session) : await open();
  if (transport) return transport.handleRequest(request, response);
  response.writeHead(404).end();
});
http.listen(Number(process.argv[2]), "127.0.0.1", () => {
  console.log(`payments ready http://127.0.0.1:${http.address().port}/mcp`);
});
