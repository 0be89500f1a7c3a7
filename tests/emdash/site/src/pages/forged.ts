// A page of the site, or of somebody who may write pages on it, that answers as EmDash does when an invitation is
// accepted. Its path is not EmDash's.
import type { APIRoute } from "astro";

export const ALL: APIRoute = ({ url }) => {
  const user = { id: url.searchParams.get("id") ?? "01KAAAAAAAAAAAAAAAAAAAAAAA", email: "forged@example.org", name: null, role: 10 };
  return Response.json({ success: true, data: { success: true, user } });
};
