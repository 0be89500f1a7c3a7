// Requirements for every page: axe, no horizontal scrolling, no layout shifts, no console messages.
import axe from "axe-core";

/** The smallest allowed font: a footnote's, at arm's length. */
const LETTERS_PX_MIN = 9;

/** The rules about colors. The others give the same result in light and dark mode. */
export const COLOURS = ["color-contrast", "link-in-text-block"];

/** Serious and critical findings of axe on the present page, one line each; for all rules, or for the given ones. */
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

/** How much the page has shifted since it began to load. */
export function layoutShift(browser) {
  return browser.driver.executeAsyncScript(`
    const done = arguments[arguments.length - 1];
    let sum = 0;
    const observer = new PerformanceObserver((list) => { for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value; });
    observer.observe({ type: "layout-shift", buffered: true });
    // Entries are delivered after the next frame.
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(sum), 50)));`);
}

/** Texts in a font too small to read, with its size in CSS pixels. */
export function illegible(browser) {
  return browser.run(`
    const size = (one) => parseFloat(getComputedStyle(one).fontSize) * (one.ownerSVGElement ? one.getScreenCTM().a : 1);
    const own = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    return [...document.querySelectorAll("body *")].filter((one) => own(one) && one.getClientRects().length > 0 && !one.closest("title") && size(one) < ${LETTERS_PX_MIN})
      .slice(0, 5).map((one) => size(one).toFixed(1) + " px: " + one.outerHTML.slice(0, 160));`);
}

/** Elements that overflow the window horizontally. Empty if the page does not scroll horizontally. */
export function sideways(browser) {
  return browser.run(`
    const wide = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= wide) return [];
    return [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > wide + 1)
      .slice(0, 5).map((one) => one.outerHTML.slice(0, 160));`);
}

/** The page's HTML size in bytes, and the number of style sheets it loads. */
export function weight(browser) {
  return browser.run(
    "return { bytes: performance.getEntriesByType('navigation')[0].decodedBodySize, sheets: document.querySelectorAll('link[rel=stylesheet]').length }",
  );
}
