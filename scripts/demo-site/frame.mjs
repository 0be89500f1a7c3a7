// The frame of the demo's pages: the Worker's own style sheet, under the same content policy as its own pages.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { html } from "./html.mjs";

const CSP =
  "default-src 'none'; style-src 'self'; script-src 'none'; img-src 'self'; font-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const NAV = [["/", "The demo"], ["/shop", "Shop"], ["/dev/mail", "Post box"]];

export const privately = { "cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "same-origin" };

/** A page as [status, headers, body]. `files`: where the Worker serves its static files. */
export function page(root, files, { status = 200, title, lead, here, content, notice }) {
  const mark = readFileSync(join(root, "src/pages/mark.svg"), "utf8");
  const body = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${title} · Manicule demo</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<link rel="icon" href="${files}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${files}/style.css">
<link rel="stylesheet" href="/dev/demo.css">
</head>
<body class="open">
<a class="skip" href="#main">Skip to the content</a>
<header class="mast"><a class="mark" href="/">MARK<span>Manicule</span></a></header>
<nav class="demo-nav" aria-label="Demo">${NAV.map(([path, name]) => html`<a href="${path}"${path === here ? html` aria-current="page"` : ""}>${name}</a>`)}</nav>
<main id="main" tabindex="-1">
${notice}
<h1>${title}</h1>
${lead && html`<p class="lead">${lead}</p>`}
${content}
</main>
</body>
</html>
`;
  const headers = { "content-type": "text/html; charset=utf-8", "content-security-policy": CSP, ...privately };
  return [status, headers, String(body).replace("MARK", mark)];
}
