// What every page must stand: axe, no scrolling sideways, nothing that moves after it was shown, no complaint in the console.
import axe from "axe-core";

/** The smallest letters: a footnote's, at arm's length. */
const LETTERS_PX_MIN = 9;

/** The rules that look at colours: the others find the same in light and dark. */
export const COLOURS = ["color-contrast", "link-in-text-block"];

/** Serious and critical findings of axe on the page as it is, a line each; of all rules, or of those named. */
export async function accessibility(browser, rules = null) {
  if (!(await browser.run("return Boolean(window.axe)"))) await browser.run(axe.source);
  const violations = await browser.driver.executeAsyncScript(`
    const done = arguments[arguments.length - 1];
    axe.run(document, { resultTypes: ["violations"], ...(arguments[0] && { runOnly: arguments[0] }) }).then(
      ({ violations }) => done(violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, where: nodes.map((node) => node.target.join(" ") + ": " + node.html.slice(0, 160) + " " + (node.failureSummary ?? "").slice(0, 200)) }))),
      (why) => done([{ id: "axe", impact: "critical", help: String(why), where: [] }]),
    );`, rules);
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, impact, help, where }) => `${impact} ${id}: ${help}\n    ${where.slice(0, 3).join("\n    ")}`);
}

/** How far the page has moved under its reader since it began to load. */
export function layoutShift(browser) {
  return browser.driver.executeAsyncScript(`
    const done = arguments[arguments.length - 1];
    let sum = 0;
    const observer = new PerformanceObserver((list) => { for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value; });
    observer.observe({ type: "layout-shift", buffered: true });
    // What was noted is handed over after the next frame.
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(sum), 50)));`);
}

/** Texts that are shown in letters too small to be read, with their size in pixels of the window. */
export function illegible(browser) {
  return browser.run(`
    const size = (one) => parseFloat(getComputedStyle(one).fontSize) * (one.ownerSVGElement ? one.getScreenCTM().a : 1);
    const own = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    return [...document.querySelectorAll("body *")].filter((one) => own(one) && one.getClientRects().length > 0 && !one.closest("title") && size(one) < ${LETTERS_PX_MIN})
      .slice(0, 5).map((one) => size(one).toFixed(1) + " px: " + one.outerHTML.slice(0, 160));`);
}

/** What sticks out of the window sideways; empty where the page does not scroll that way. */
export function sideways(browser) {
  return browser.run(`
    const wide = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= wide) return [];
    return [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > wide + 1)
      .slice(0, 5).map((one) => one.outerHTML.slice(0, 160));`);
}

/** How many bytes of HTML the page is, and how many style sheets it asks for. */
export function weight(browser) {
  return browser.run(
    "return { bytes: performance.getEntriesByType('navigation')[0].decodedBodySize, sheets: document.querySelectorAll('link[rel=stylesheet]').length }",
  );
}
