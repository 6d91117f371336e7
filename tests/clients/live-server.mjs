// TypeScript SDK v1: a server that speaks without being asked, at port argv[2] as argv[3]. A call of
// its tool `ask` has it ask the client's model, on the session's own stream; `told` gives what was
// answered; `touch` changes its resource.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { SubscribeRequestSchema, UnsubscribeRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";

const [port, name] = process.argv.slice(2);
const sessions = new Map();

const text = (text) => ({ content: [{ type: "text", text }] });

async function session() {
  const server = new McpServer(
    { name, version: "1" },
    { capabilities: { logging: {}, resources: { subscribe: true }, tools: {} } },
  );
  const answers = [];
  server.registerTool("ask", {}, async () => {
    const content = { type: "text", text: `from ${name}` };
    const params = { messages: [{ role: "user", content }], maxTokens: 10 };
    const answer = server.server.createMessage(params);
    answer.then(
      (answer) => answers.push(answer.content.text),
      (error) => answers.push(String(error)),
    );
    return text("asked");
  });
  server.registerTool("told", {}, async () => text(JSON.stringify(answers)));
  server.registerTool("touch", {}, async () => {
    await server.server.sendResourceUpdated({ uri: `live://${name}/state` });
    await server.server.sendToolListChanged();
    return text("touched");
  });
  for (const schema of [SubscribeRequestSchema, UnsubscribeRequestSchema]) {
    server.server.setRequestHandler(schema, () => ({}));
  }
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => sessions.set(id, transport),
    onsessionclosed: (id) => sessions.delete(id),
  });
  await server.connect(transport);
  return transport;
}

createServer(async (request, response) => {
  const id = request.headers["mcp-session-id"];
  const transport = id ? sessions.get(id) : await session();
  if (transport) return transport.handleRequest(request, response);
  response.writeHead(404).end();
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
