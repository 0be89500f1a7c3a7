// Writes the lists that src/ includes, from packages that are installed in FOLDER: node write.mjs FOLDER
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { lists } from "./lists.mjs";

const [folder] = process.argv.slice(2);
const root = fileURLToPath(new URL("../../", import.meta.url));
for (const { path, text, names } of lists(folder)) {
  writeFileSync(root + path, text);
  console.log(`${path}: ${names.length} names, ${text.length} bytes`);
}
