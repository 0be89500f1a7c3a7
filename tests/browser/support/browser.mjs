// A Chromium with a fresh profile, driven by WebDriver. CHROME and CHROMEDRIVER give the paths, as printed by
// scripts/setup-browser, so nothing is searched for or downloaded.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Builder, By, error, logging } from "selenium-webdriver";
import chrome from "selenium-webdriver/chrome.js";

/** The time that a busy machine may need. No wait is longer than necessary. */
export const WAIT_MS = 120_000;
export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 390, height: 844 };
const QUIET = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--lang=en-US",
  // Otherwise an element may still be moving when it is clicked.
  "--force-prefers-reduced-motion",
  // A headless browser says so in its User-Agent, and its clicks would not be counted.
  "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36",
];

export class Browser {
  constructor(driver, profile, base) {
    Object.assign(this, { driver, profile, base });
  }

  /** `base`: the URL that paths are relative to. */
  static async open(base, { javascript = true, size = DESKTOP } = {}) {
    const { CHROME, CHROMEDRIVER } = process.env;
    if (!CHROME || !CHROMEDRIVER) throw new Error("CHROME and CHROMEDRIVER are not set; scripts/setup-browser prints both");
    const profile = mkdtempSync(join(tmpdir(), "manicule-browser-"));
    const options = new chrome.Options().setChromeBinaryPath(CHROME).addArguments(...QUIET, `--user-data-dir=${profile}`);
    const logs = new logging.Preferences();
    logs.setLevel(logging.Type.BROWSER, logging.Level.ALL);
    options.setLoggingPrefs(logs);
    const driver = await new Builder()
      .forBrowser("chrome")
      .setChromeOptions(options)
      .setChromeService(new chrome.ServiceBuilder(CHROMEDRIVER))
      .build();
    await driver.manage().setTimeouts({ script: WAIT_MS });
    const browser = new Browser(driver, profile, base);
    await browser.resize(size);
    if (!javascript) await browser.send("Emulation.setScriptExecutionDisabled", { value: true });
    return browser;
  }

  /** A command of the DevTools protocol. */
  send(command, parameters = {}) {
    return this.driver.sendAndGetDevToolsCommand(command, parameters);
  }

  resize({ width, height }) {
    return this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
  }

  /** `light` or `dark`. */
  scheme(value) {
    return this.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
  }

  async go(path) {
    await this.driver.get(new URL(path, this.base).href);
    return this;
  }

  async path() {
    const { pathname, search } = new URL(await this.driver.getCurrentUrl());
    return `${pathname}${search}`;
  }

  /** The visible text of the page. */
  async text() {
    return this.driver.findElement(By.css("body")).getText();
  }

  async run(script, ...given) {
    return this.driver.executeScript(script, ...given);
  }

  /** Waits until a script returns a true value. */
  until(script) {
    return this.driver.wait(() => this.run(script), WAIT_MS, script);
  }

  find(css) {
    return this.driver.findElement(By.css(css));
  }

  /** Fills in fields by name. A checkbox takes true or false. */
  async fill(values) {
    for (const [name, value] of Object.entries(values)) {
      const field = await this.find(`[name="${name}"]`);
      if (typeof value === "boolean") {
        if ((await field.isSelected()) !== value) await field.click();
      } else if ((await field.getTagName()) === "select") {
        await field.findElement(By.css(`option[value="${value}"]`)).click();
      } else {
        await field.clear();
        await field.sendKeys(value);
      }
    }
    return this;
  }

  /** Presses the button or follows the link with this text, and waits for the resulting page. */
  async press(label) {
    const said = `normalize-space(.)=${quoted(label)}`;
    const found = await this.driver.findElements(By.xpath(`//main//button[${said}] | //main//a[${said}] | //button[${said}] | //a[${said}]`));
    if (found.length === 0) throw new Error(`nothing says ${label} on ${await this.path()}:\n${await this.text()}`);
    // A link may open a new tab.
    await this.leave(async () => {
      const target = await found[0].getAttribute("target");
      if (target === "_blank") await this.driver.get(await found[0].getAttribute("href"));
      else await found[0].click();
    });
    return this;
  }

  /** Performs an action that loads another document, and waits for it. */
  async leave(deed) {
    const before = await this.find("html");
    await deed();
    await this.driver.wait(async () => {
      try {
        await before.getTagName();
        return false;
      } catch (why) {
        if (why instanceof error.StaleElementReferenceError || why instanceof error.NoSuchElementError) return true;
        if (/(no such|not belong|detached|stale|not found|aborted by navigation)/i.test(why.message)) return true;
        throw why;
      }
    }, WAIT_MS, "the page did not change");
  }

  /** The console's messages about this site since the last call: warnings, errors, and content policy violations. */
  async complaints() {
    const entries = await this.driver.manage().logs().get(logging.Type.BROWSER);
    const said = entries.filter(({ level }) => level.value >= logging.Level.WARNING.value).map(({ message }) => message);
    return said.filter((message) => !/^https?:/.test(message) || message.startsWith(this.base));
  }

  async forget() {
    await this.driver.manage().deleteAllCookies();
  }

  async close() {
    await this.driver.quit();
    // The browser's last processes may still write files.
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 20 });
  }
}

/** A text as an XPath literal. */
function quoted(text) {
  if (!text.includes("'")) return `'${text}'`;
  return `concat(${text.split("'").map((part) => `'${part}'`).join(`, "'", `)})`;
}

/** Tells a story with as many browsers, each opened at `base`, and closes them. */
export async function withBrowsers(base, count, story, opened = (address) => Browser.open(address)) {
  const open = [];
  try {
    while (open.length < count) open.push(await opened(base));
    return await story(...open);
  } finally {
    await Promise.all(open.map((browser) => browser.close()));
  }
}
