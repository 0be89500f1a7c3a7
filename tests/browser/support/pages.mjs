// All pages, found by following the links from each role's first page: one page per shape of path, regardless of ids.
import { readFileSync } from "node:fs";
import { presets } from "../../../scripts/presets.mjs";

const programs = new Set(presets().map(([id]) => id));
/** Files, and the demo's own pages. */
const NO_PAGE = /\.(csv|svg|png|json)$|^\/partner\/settings\/data$|^\/(r|dev|shop|v1|manicule|_emdash|sign-out)(\/|$)/;

/** The shapes of all pages in an area's table: a crawl must meet each. */
export function tabled(area) {
  const table = readFileSync(new URL(`../../../src/pages/${area}/mod.rs`, import.meta.url), "utf8");
  const paths = [...table.matchAll(/Page::get\(\s*"([^"]+)"/g)].map(([, path]) => path);
  return paths.filter((path) => !NO_PAGE.test(path)).map((path) => path.replaceAll(/\{\w+\}/g, ":id"));
}

/** A path without its ids: `/partner/links/:id`. */
export function shape(path) {
  const segments = path.split("/").slice(1);
  return `/${segments.map((segment, index) => (index >= 2 && (programs.has(segment) || /[0-9A-Z_%:]/.test(segment)) ? ":id" : segment)).join("/")}`;
}

/** The addresses in `area` that the page links to. */
async function links(browser, area) {
  const hrefs = await browser.run("return [...document.querySelectorAll('a[href]')].map((one) => one.href)");
  return hrefs
    .map((href) => new URL(href))
    .filter(({ origin, pathname }) => origin === new URL(browser.base).origin && !NO_PAGE.test(pathname) && pathname.split("/")[1] === area)
    .map(({ pathname, search }) => `${pathname}${search}`);
}

/** No site of a test has more pages in an area. */
const PAGES_MAX = 400;
/** Pages of other weeks lead to each other without end, and show no money. */
const ENDLESS = /[?&]week=/;

/**
 * Visits pages, starting at `start`: one for each value that `kindOf` gives of their addresses. Calls
 * `look(kind, address)` on each, and returns the kinds. `others` come first: pages that few links lead to, and those
 * with the most content of their kind.
 */
async function visited(browser, start, kindOf, look, others) {
  const area = start.split("/")[1];
  const seen = new Set();
  const waiting = [...others, start];
  while (waiting.length > 0) {
    const address = waiting.shift();
    const kind = kindOf(address);
    if (seen.has(kind)) continue;
    if (seen.size >= PAGES_MAX) throw new Error(`more than ${PAGES_MAX} pages below ${start}: ${[...seen].slice(-5).join(" ")}`);
    seen.add(kind);
    await browser.go(address);
    const found = await links(browser, area);
    await look(kind, address);
    waiting.push(...found.filter((one) => !ENDLESS.test(one)));
  }
  return [...seen].sort();
}

/** Visits one page of each shape. */
export function crawl(browser, start, look, others = []) {
  return visited(browser, start, (address) => shape(address.split("?")[0]), look, others);
}

/** Visits every page of an area that links lead to, whatever its ids. */
export function everyPage(browser, start, look, others = []) {
  return visited(browser, start, (address) => address, look, others);
}

/** The operator's pages with the most content, and a preview, which only its form leads to. */
export function operatorsOthers(server) {
  return ["/operator/accounts/acct_annex", "/operator/programs/agency-partner", `/operator/previews/${server.preview}`];
}

/** A partner's pages that only some partners are led to: several programs, and a link of the partner's own. */
export function partnersOthers(server) {
  return ["/partner/programs", `/partner/links/${server.links.north}/disable`];
}
