// What the client scripts share: their arguments, and their outcomes as JSON lines.
export const drive = {
  arguments() {
    const [url, , era] = process.argv.slice(2);
    const token = process.env.TOKEN;
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    return { url: new URL(url), headers, era };
  },

  // Each call's result or error; the session is never renewed.
  async calls(client, retry = (call) => call()) {
    this.print({ tools: (await client.listTools()).tools.map((tool) => tool.name) });
    for (const call of JSON.parse(process.argv[3])) {
      try {
        this.print({ result: await retry(() => client.callTool(call)) });
      } catch (error) {
        const { code, message, data } = error;
        this.print({ error: { kind: error.constructor.name, code, message, data } });
      }
    }
    await client.close();
  },

  print(outcome) {
    console.log(JSON.stringify(outcome));
  },
};
