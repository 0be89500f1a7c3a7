// Where the site's own form goes, as JSON or as a form. It makes an account and tells Manicule of it, signed.
// MANICULE_URL and MANICULE_SECRET are the address for events and its secret.
import { createHmac, randomUUID } from "node:crypto";
import type { APIRoute } from "astro";

const { MANICULE_URL, MANICULE_SECRET = "" } = process.env;

async function fieldsOf(request: Request): Promise<Record<string, string>> {
  if (request.headers.get("content-type")?.startsWith("application/json")) return request.json();
  return Object.fromEntries([...(await request.formData())].map(([name, value]) => [name, String(value)]));
}

function signed(id: string, body: string): Record<string, string> {
  const at = String(Math.floor(Date.now() / 1000));
  const key = Buffer.from(MANICULE_SECRET.replace(/^whsec_/, ""), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${at}.${body}`).digest("base64");
  return { "content-type": "application/json", "webhook-id": id, "webhook-timestamp": at, "webhook-signature": `v1,${signature}` };
}

export const POST: APIRoute = async ({ request }) => {
  const { email, ref, visitor } = await fieldsOf(request);
  if (!email) return Response.json({ error: "email is missing" }, { status: 422 });
  const account = { id: `own_${randomUUID()}`, email };
  if (!MANICULE_URL) return Response.json({ account });
  const id = `evt_${randomUUID()}`;
  const attribution = { ...(ref && { token: ref }), ...(visitor && { visitor }) };
  const body = JSON.stringify({ id, type: "account.signed_up", occurred_at: new Date().toISOString(), account, attribution });
  const answer = await fetch(MANICULE_URL, { method: "POST", headers: signed(id, body), body });
  return Response.json({ account, told: answer.status, outcome: await answer.json() }, { status: answer.ok ? 200 : 502 });
};
