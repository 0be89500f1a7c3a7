import assert from "node:assert/strict";
import { test } from "node:test";
import { switched } from "../../scripts/mutants.mjs";

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
