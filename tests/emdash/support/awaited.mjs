// What the Worker does not do yet. Such a test runs, and its failure is shown and fails nothing. `--test-name-pattern`
// with the word before the colon runs one of them alone; AWAITED=now lets their failures count.
const awaited = (what) => (process.env.AWAITED === "now" ? {} : { todo: what });

/** Sign-ups noticed while they are passed on. */
export const SIGN_UPS = {};
/** The site's address as one setting, and a page of ours where the site is down. */
export const PASSING = {};
/** The script of the site. */
export const SCRIPT = {};
/** A link at one press. */
export const ONE_CLICK = {};
