// Whether emails can be sent.
import { RIGHTS } from "../rights.mjs";

/** Notes what prevents it. Emails wait in that case, so this never stops a deployment. */
export async function lookAtEmail(api, accountId, config, worker, plan, notes) {
  const from = config.vars?.MAIL_FROM ?? "";
  if (!from) return void notes.push("MAIL_FROM is not set: emails wait in the outbox, and /healthz says so");
  if (worker?.secrets.includes("MAIL_API_KEY")) return;
  if (!config.send_email?.length) return void notes.push("There is neither [[send_email]] nor MAIL_API_KEY: emails wait in the outbox");
  if (plan === "free") notes.push("On the free plan Email Service only sends to the account's verified addresses: all other emails fail or wait. Use the paid plan or MAIL_API_KEY");
  const domain = /@([^@>\s]+)>?\s*$/.exec(from)?.[1]?.toLowerCase();
  const zones = await api.list(`/accounts/${accountId}/email/sending/zones`, { right: RIGHTS.email }).catch((error) => {
    if (error.kind === "down") throw error;
    return null;
  });
  if (!zones) notes.push(`Whether ${domain} may send with Email Service was not checked (${RIGHTS.email} would tell)`);
  else if (!zones.some((one) => domain === one.name || domain?.endsWith(`.${one.name}`))) notes.push(`${domain} (MAIL_FROM) is not onboarded to Email Service: emails wait until it is`);
}
