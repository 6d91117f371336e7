// TypeScript SDK v1: a client at argv[2] whose model answers servers, and who writes down what they
// tell it. Calls come in and outcomes go out as drive.mjs has them; `{ "heard": true }` gives what was
// heard since.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CreateMessageRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { drive } from "./drive.mjs";

const { url, headers } = drive.arguments();
const client = new Client({ name: "live-v1", version: "1" }, { capabilities: { sampling: {} } });
let heard = [];
client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => {
  const asked = params.messages[0].content.text;
  heard.push({ asked });
  return { model: "m", role: "assistant", content: { type: "text", text: `to ${asked}` } };
});
client.fallbackNotificationHandler = async ({ method, params }) => {
  heard.push({ method, ...(params?.uri && { uri: params.uri }) });
};
await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
drive.print({ session: client.transport.sessionId });
for (let call; (call = await drive.next()); ) {
  if (call.heard) {
    drive.print({ heard });
    heard = [];
    continue;
  }
  try {
    const { subscribe } = call;
    const ask = () =>
      subscribe ? client.subscribeResource({ uri: subscribe }) : drive.ask(client, call);
    drive.print({ result: await ask() });
  } catch (error) {
    drive.print({ error: { code: error.code, message: error.message } });
  }
}
await client.close();
