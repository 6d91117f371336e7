// What the client scripts share: calls come in, outcomes go out, as JSON lines.
import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export const drive = {
  // Whether the client shows URLs to its user.
  elicits: Boolean(process.env.ELICITS),

  get capabilities() {
    return this.elicits ? { elicitation: { url: {} } } : {};
  },

  arguments() {
    const [url, era] = process.argv.slice(2);
    const token = process.env.TOKEN;
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    return { url: new URL(url), headers, era };
  },

  // Each call's result or error; the session is never renewed.
  async calls(client, retry = (call) => call()) {
    this.print({ tools: (await client.listTools()).tools.map((tool) => tool.name) });
    for (let call; (call = await this.next()); ) {
      try {
        this.print({ result: await retry(() => this.ask(client, call)) });
      } catch (error) {
        const { code, message, data } = error;
        this.print({ error: { kind: error.constructor.name, code, message, data } });
      }
    }
    await client.close();
  },

  // A call of a tool, unless a list, a resource or a prompt is asked for.
  ask(client, { list, read, prompt, ...call }) {
    if (list) return client.listTools();
    if (read) return client.readResource({ uri: read });
    if (prompt) return client.getPrompt({ name: prompt, ...call });
    return client.callTool(call);
  },

  // Shows a URL; what the user does about it is the next line.
  async elicit({ params }) {
    drive.print({ elicitation: params });
    return drive.next();
  },

  async next() {
    const { value, done } = await lines.next();
    return done ? undefined : JSON.parse(value);
  },

  print(outcome) {
    console.log(JSON.stringify(outcome));
  },
};
