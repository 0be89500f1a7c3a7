import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { byFile, switched } from "../../scripts/mutants.mjs";

test("an expression gets an `if` with a case for each of its mutants", () => {
  const edits = [
    { name: "more", text: "a + b", replacement: "a + b + 1" },
    { name: "less", text: "a + b", replacement: "a" },
  ];
  const all = 'let x = (if crate::mutant::is("more") { a + b + 1 } else if crate::mutant::is("less") { a } else { a + b });';
  assert.equal(switched("let x = a + b;", edits), all);
});

test("a plain literal of SQL is switched as a whole, and in a formatted one only what differs", () => {
  const plain = [{ name: "late", text: "a <= ?1", replacement: "a < ?1", inside: "sql" }];
  assert.equal(
    switched('Stmt::new("SELECT a WHERE a <= ?1")', plain),
    'Stmt::new((if crate::mutant::is("late") { "SELECT a WHERE a < ?1" } else { "SELECT a WHERE a <= ?1" }))',
  );
  const formatted = [{ name: "net", text: "SUM(gross) OVER", replacement: "SUM(net) OVER", inside: "sql" }];
  assert.equal(
    switched('format!("SELECT SUM(gross) OVER {x}")', formatted),
    'format!("SELECT SUM({MUTANT_0}) OVER {x}")\nstatic MUTANT_0: crate::mutant::Text = crate::mutant::Text("net", "gross", "net");\n',
  );
});

test("a text that is not there, or twice, is refused, and so are mutants that overlap", () => {
  const edit = (text) => ({ name: text, text, replacement: "x" });
  assert.throws(() => switched("a b a", [edit("c")]), /exactly once/);
  assert.throws(() => switched("a b a", [edit("a")]), /exactly once/);
  assert.throws(() => switched("a b c", [edit("a b"), edit("b c")]), /overlap/);
});

test("every mutant fits the source as it is, and none overlaps another", () => {
  for (const [file, edits] of byFile()) switched(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8"), edits, file);
});

test("what cannot stand behind a switch is refused: the rest of a call chain, half of a block", () => {
  const edit = (text, replacement = "x") => ({ name: text, text, replacement });
  assert.throws(() => switched("a.filter(b)", [edit(".filter(b)")]), /not an expression/);
  assert.throws(() => switched("if a { b }", [edit("if a {")]), /not an expression/);
  assert.throws(() => switched("a(b)", [edit("a(b)", "a(b))")]), /not an expression/);
});
