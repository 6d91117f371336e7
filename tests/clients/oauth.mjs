// The OAuth flow that both TypeScript SDKs follow: challenged, authorized, stepped up.
//
// Nobody has to look at a browser: the authorization server says yes at once, so following its
// redirect is what the user would have done.
import { drive } from "./drive.mjs";

class Provider {
  #client;
  #tokens;
  #verifier;
  callback;
  authorizations = [];

  get redirectUrl() {
    return "http://127.0.0.1:1/callback";
  }
  get clientMetadata() {
    return {
      client_name: "oauth-test",
      redirect_uris: [this.redirectUrl],
      grant_types: ["authorization_code"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    };
  }
  clientInformation() {
    return this.#client;
  }
  saveClientInformation(client) {
    this.#client = client;
  }
  tokens() {
    return this.#tokens;
  }
  saveTokens(tokens) {
    this.#tokens = tokens;
  }
  saveCodeVerifier(verifier) {
    this.#verifier = verifier;
  }
  codeVerifier() {
    return this.#verifier;
  }
  async redirectToAuthorization(url) {
    this.authorizations.push(url.searchParams.get("scope"));
    const answer = await fetch(url, { redirect: "manual" });
    const location = answer.headers.get("location");
    if (!location) throw new Error(`not authorized: ${answer.status} ${await answer.text()}`);
    this.callback = new URL(location).searchParams;
  }
}

// `finish(transport, parameters)` hands the code to the SDK in the way of its version.
export async function run({ connect, open, UnauthorizedError, finish }) {
  const { url } = drive.arguments();
  const provider = new Provider();
  const authorized = async (transport, work) => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
      await finish(transport, provider.callback);
      return undefined;
    }
  };
  const first = open(url, provider);
  let transport = first;
  let client = await authorized(first, () => connect(first));
  if (!client) {
    transport = open(url, provider);
    client = await connect(transport);
  }
  await drive.calls(client, async (call) => (await authorized(transport, call)) ?? call());
  drive.print({ authorizations: provider.authorizations });
}
