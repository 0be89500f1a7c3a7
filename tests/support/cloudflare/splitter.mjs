// How D1's HTTP API cuts text into statements, as far as its faults are reported. Its code is not public.
//   reported  cuts at a semicolon at the end of a line, so that the body of a trigger over several lines is cut in two; an
//             apostrophe in a comment opens a string (cloudflare/workers-sdk 4713, 4998, 15690)
//   triggers  cuts at every semicolon, so that no trigger passes at all (emdash-cms/emdash 3301)
//   none      has no faults
import { statementsOf } from "../../../scripts/deployment/statements.mjs";

function cut(sql, atEveryOne) {
  const pieces = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < sql.length; at += 1) {
    if (sql[at] === "'") quoted = !quoted;
    if (sql[at] === ";" && !quoted && (atEveryOne || /^[ \t]*(\n|$)/.test(sql.slice(at + 1, at + 200)))) {
      pieces.push(sql.slice(start, at + 1));
      start = at + 1;
    }
  }
  pieces.push(sql.slice(start));
  return pieces.filter((piece) => piece.replace(/--[^\n]*/g, "").trim() !== "");
}

/** The statements of a request, or an error like D1's if one is incomplete. */
export function split(sql, faults) {
  if (faults === "none") return statementsOf(sql.trimEnd().endsWith(";") ? sql : `${sql};`);
  return cut(sql, faults === "triggers").flatMap((piece) => {
    try {
      const whole = statementsOf(piece.trimEnd().endsWith(";") ? piece : `${piece};`);
      if (whole.length === 1) return whole;
    } catch {
      // It is half of a statement, or contains the next one.
    }
    throw new Error("incomplete input: SQLITE_ERROR");
  });
}
