// The site with an administrator, and friends who come through partners' links.
import { front } from "./front.mjs";
import { Visitor } from "./visitor.mjs";

/** The site behind the Worker, as `front` starts it, set up by its administrator. */
export async function setUpFront(options) {
  const all = await front(options);
  const ada = new Visitor(all.base);
  try {
    await ada.setUp("ada@example.com");
  } catch (why) {
    await all.close();
    throw why;
  }
  return { all, ada };
}

/** A friend who followed a link of `by`, or no link. */
export async function friendOf(base, by) {
  const visitor = new Visitor(base);
  if (by) await visitor.follow(by.path);
  return visitor;
}
