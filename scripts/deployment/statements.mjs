// Cuts SQL into statements and writes each on one line without comments.
//
// Why: D1's HTTP API cuts what it receives into statements itself. Its splitter is reported to fail on triggers that
// span lines and on apostrophes in comments (cloudflare/workers-sdk issues 4713, 4998 and 15690), with "incomplete
// input". According to the same reports, one statement per line without comments works.

const TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\s+|[A-Za-z0-9_$\u0080-\uffff]+|[^]/g;
const BLANK = /^(?:\s|--|\/\*)/;
const QUOTED = /^['"`[]./;

/** Counts BEGIN and CASE against END, so that a semicolon inside a trigger's body does not end the trigger. */
function newStatement() {
  return { text: "", words: [], depth: 0, isTrigger: false };
}

function take(statement, token) {
  statement.text += token;
  if (!/^[A-Za-z]/.test(token)) return;
  const word = token.toUpperCase();
  if (statement.words.length < 3) {
    statement.words.push(word);
    const [first, ...next] = statement.words;
    if (first === "CREATE" && next.filter((one) => one !== "TEMP" && one !== "TEMPORARY")[0] === "TRIGGER") statement.isTrigger = true;
  }
  if (!statement.isTrigger) return;
  if (word === "BEGIN" || word === "CASE") statement.depth += 1;
  if (word === "END") statement.depth -= 1;
}

/** The statements of `sql`, each one line, without comments and without the final semicolon. */
export function statementsOf(sql) {
  const found = [];
  let current = newStatement();
  let wantsSpace = false;
  for (const token of sql.match(TOKEN) ?? []) {
    if (BLANK.test(token)) {
      wantsSpace = current.text !== "";
      continue;
    }
    if (/['"`]/.test(token) && token.length === 1) throw new Error(`a quote is never closed, after: ${current.text.slice(-80)}`);
    if (QUOTED.test(token) && /[\r\n]/.test(token)) throw new Error(`a quoted text spans lines, which cannot be sent as one line: ${token.slice(0, 80)}`);
    if (token === ";" && current.depth <= 0) {
      if (current.text !== "") found.push(current.text);
      current = newStatement();
      wantsSpace = false;
      continue;
    }
    if (wantsSpace) current.text += " ";
    wantsSpace = false;
    take(current, token);
  }
  if (current.text !== "") throw new Error(`the last statement does not end with a semicolon: ${current.text.slice(0, 80)}`);
  return found;
}

/** Statements as they are sent: one per line, each ending with a semicolon. */
export const asLines = (statements) => statements.map((one) => `${one};\n`).join("");
