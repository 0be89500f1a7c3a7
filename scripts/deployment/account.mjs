// Who deploys, and to which account: the credential, whether it is valid, and the account.
import { ApiError, client } from "./api.mjs";

export const TOKEN_PAGE = "https://dash.cloudflare.com/profile/api-tokens";

/** The credential, from the environment or else from `wrangler login`. */
export async function credential(env, wrangler) {
  if (env.CLOUDFLARE_API_TOKEN) return { kind: "token", headers: { authorization: `Bearer ${env.CLOUDFLARE_API_TOKEN}` } };
  const { status, output } = await wrangler(["auth", "token", "--json"]);
  let found = {};
  if (status === 0) {
    try {
      found = JSON.parse(output.slice(output.indexOf("{")));
    } catch {
      // If it is not JSON, the user is not logged in.
    }
  }
  if (found.token) return { kind: found.type === "oauth" ? "login" : "token", headers: { authorization: `Bearer ${found.token}` } };
  if (found.key) return { kind: "login", headers: { "x-auth-key": found.key, "x-auth-email": found.email } };
  throw new Error(`You are not logged in to Cloudflare. Run: npx wrangler login   (or set CLOUDFLARE_API_TOKEN to a token from ${TOKEN_PAGE})`);
}

const wrongToken = (why) => new Error(`CLOUDFLARE_API_TOKEN is not a valid token: ${why}. Make one at ${TOKEN_PAGE}; README.md lists the permissions.`);

/** Fails unless the token is valid. An account's token is verified by the account rather than by the user. */
async function verify(api, accountId) {
  const paths = ["/user/tokens/verify", ...(accountId ? [`/accounts/${accountId}/tokens/verify`] : [])];
  let why;
  for (const path of paths) {
    try {
      const { status } = await api.get(path);
      if (status !== "active") throw wrongToken(`it is ${status}`);
      return;
    } catch (error) {
      if (!(error instanceof ApiError) || error.kind === "down") throw error;
      why ??= error.message.replace(/^[^(]*\(|\)\.$/g, "");
    }
  }
  throw wrongToken(`Cloudflare says: ${why}`);
}

/** After verification: the API's client for this account, and the account's id and name. */
export async function account({ env, wrangler, configured, apiOptions }) {
  const { kind, headers } = await credential(env, wrangler);
  const api = client({ ...apiOptions, headers });
  const wanted = env.CLOUDFLARE_ACCOUNT_ID || configured;
  if (kind === "token") await verify(api, wanted);
  if (wanted) {
    const found = await api.get(`/accounts/${wanted}`, { right: "Account Settings: Read" }).catch((error) => {
      // The id is enough. The name is for people.
      if (error.kind === "right") return { id: wanted };
      if (error.kind === "down") throw error;
      throw new Error(`There is no account ${wanted} for this token (CLOUDFLARE_ACCOUNT_ID, or account_id in the configuration): ${error.message}`);
    });
    return { api, id: wanted, name: found.name ?? wanted };
  }
  const all = await api.list("/accounts", { right: "Account Settings: Read" });
  if (all.length === 1) return { api, id: all[0].id, name: all[0].name };
  if (all.length === 0) throw new Error("The token sees no account. Give it the permission Account Settings: Read, or set CLOUDFLARE_ACCOUNT_ID.");
  throw new Error(`There are ${all.length} accounts. Set CLOUDFLARE_ACCOUNT_ID to one of:\n${all.map((one) => `  ${one.id}  ${one.name}`).join("\n")}`);
}
