// The demo site's state, in one file: emails, the shop's customers, what happened, and how much time has passed.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

const MAILS_MAX = 100;
const DEEDS_MAX = 20;

export class State {
  constructor(file) {
    this.file = file;
    this.known = { count: 0, mails: [], customers: {}, deeds: [], clock: 0 };
    if (file && existsSync(file)) Object.assign(this.known, JSON.parse(readFileSync(file, "utf8")));
  }

  /** Changes the state and saves it. */
  change(how) {
    const answer = how(this.known);
    this.known.mails = this.known.mails.slice(0, MAILS_MAX);
    this.known.deeds = this.known.deeds.slice(0, DEEDS_MAX);
    if (this.file) {
      mkdirSync(dirname(this.file), { recursive: true });
      writeFileSync(`${this.file}.new`, JSON.stringify(this.known), { mode: 0o600 });
      renameSync(`${this.file}.new`, this.file);
    }
    return answer;
  }

  /** A number that has not been used before. */
  next() {
    return this.change((known) => (known.count += 1));
  }

  /** Records what happened, in plain words. `links` are [path, title]. */
  tell(title, lines, links = []) {
    this.change((known) => known.deeds.unshift({ title, lines: [lines].flat().filter(Boolean), links }));
  }
}
