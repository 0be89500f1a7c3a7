// Files line by line, in little memory, however large they are.
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";

const CHUNK = 1 << 20;
/** A line of a backup is shorter than 100,000 bytes, and so is one of an export but for its longest texts. */
const LINE_MAX = 16 << 20;

/** A file's lines as buffers, each with its line feed. Only a line feed ends one: texts may have U+2028 and U+2029. */
export function* linesOf(path) {
  const file = openSync(path, "r");
  try {
    const chunk = Buffer.allocUnsafe(CHUNK);
    let rest = [];
    let size = 0;
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk)) {
      let from = 0;
      for (let end = chunk.indexOf(10, from); end >= 0 && end < read; end = chunk.indexOf(10, from)) {
        const line = Buffer.concat([...rest, chunk.subarray(from, end + 1)]);
        [rest, size, from] = [[], 0, end + 1];
        yield line;
      }
      if (from < read) {
        rest.push(Buffer.from(chunk.subarray(from, read)));
        size += read - from;
      }
      if (size > LINE_MAX) throw new Error(`${path} has a line of more than ${LINE_MAX} bytes: it is no backup`);
    }
    if (size) yield Buffer.concat(rest);
  } finally {
    closeSync(file);
  }
}

/** Writes all of a text or buffer: one call may write a part of it. */
export function writeAll(file, part, write = writeSync) {
  const all = Buffer.from(part);
  for (let at = 0; at < all.length; ) {
    const written = write(file, all, at, all.length - at);
    if (!(written > 0)) throw new Error("the disk takes no more");
    at += written;
  }
  return all.length;
}

/** Writes a new file of these parts. Fails unless it is on the disk with its full length and its last part at the end. */
export function writeFile(path, parts, write = writeSync) {
  const file = openSync(path, "wx+", 0o600);
  try {
    let [size, last] = [0, Buffer.alloc(0)];
    for (const part of parts) {
      last = Buffer.from(part);
      size += writeAll(file, last, write);
    }
    fsyncSync(file);
    const end = Buffer.alloc(last.length);
    const read = readSync(file, end, 0, end.length, size - end.length);
    if (fstatSync(file).size !== size || read !== end.length || !end.equals(last)) throw new Error(`${path} was not written as a whole`);
  } finally {
    closeSync(file);
  }
}
