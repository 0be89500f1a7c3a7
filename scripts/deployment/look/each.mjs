// Runs many calls of one kind, a few at a time: an account may have hundreds of Workers.

const AT_ONCE = 8;

/** Runs `look` for each item, a few at a time. */
export async function each(values, look) {
  const found = [];
  for (let at = 0; at < values.length; at += AT_ONCE) found.push(...(await Promise.all(values.slice(at, at + AT_ONCE).map(look))));
  return found;
}
