import assert from "node:assert/strict";
import { findDirectives } from "./markdown.ts";

const end = "<!-- /stillroom -->";

/** Kind, line and body of each directive; an error for what is none. */
function found(text: string): unknown[] {
  const { directives, problems } = findDirectives(text);
  return [
    ...directives.map(({ kind, line, bodyStart, bodyEnd }) => [kind, line, text.slice(bodyStart, bodyEnd)]),
    ...problems.map(({ line, message }) => `${line}: ${message.split(":")[0]}`),
  ];
}

Deno.test("findDirectives: finds arguments over several lines and bodies between markers", () => {
  const text =
    `# A\n\n<!-- stillroom:table\nselect 1\n-->\n| 1 |\n${end}\nb <!--stillroom:value select 2-->2<!--/stillroom--> c\n`;
  assert.deepEqual(found(text), [["table", 3, "\n| 1 |\n"], ["value", 8, "2"]]);
  const table = findDirectives(text).directives[0];
  assert.equal(table?.args, "\nselect 1\n");
  assert.equal(table?.argsLine, 3);
  assert.equal(text.slice(table?.start, table?.end), text.slice(text.indexOf("<!--"), text.indexOf(end) + end.length));
});

Deno.test("findDirectives: examples in fences, code spans, comments and escapes are no directives", () => {
  const example = `<!-- stillroom:value select 1 -->1${end}`;
  const texts = [
    "```md\n" + example + "\n```\n",
    "~~~~\n```\n" + example + "\n~~~\n~~~~\n",
    "- item\n  ```\n  " + example + "\n  ```\n",
    "- ```\n  " + example + "\n  ```\n",
    "> ```\n> " + example + "\n> ```\n",
    "a `" + example + "` b",
    "a `` ` " + example + " `` b",
    "a `b\n" + "c " + example + "` d",
    "<!-- an example: <!-- stillroom:value select 1 -- >1 -->",
    "```\n" + example,
    "\\" + "<!-- not a comment -->",
  ];
  for (const text of texts) assert.deepEqual(found(text), [], text);
});

Deno.test("findDirectives: stray backticks and closed fences hide nothing", () => {
  const example = `<!-- stillroom:value select 1 -->1${end}`;
  const texts = [
    "a ` b " + example,
    "a `` b ` c " + example,
    "a ` b\n\n" + example + " ` c",
    "- a ` b\n- " + example + " ` c",
    "\\` " + example + " `",
    "```\ncode\n```\n" + example,
    "```\r\ncode\r\n```\r\n" + example,
    "``` not ` a fence\n" + example,
    "<!-- comment -->" + example,
    "````\n```\n````\n" + example,
  ];
  for (const text of texts) assert.equal(findDirectives(text).directives.length, 1, text);
});

Deno.test("findDirectives: unclosed, stray and malformed markers are named with their line", () => {
  assert.deepEqual(found("a\n<!-- stillroom:table select 1 -->\nprose"), [
    "2: stillroom",
  ]);
  assert.match(findDirectives("<!-- stillroom:table x -->").problems[0]?.message ?? "", /not closed before the end/);
  const two = findDirectives(`<!-- stillroom:table x -->\n<!-- stillroom:value y -->1${end}`);
  assert.match(two.problems[0]?.message ?? "", /stillroom:table is not closed before the next one at line 2/);
  assert.equal(two.directives[0]?.kind, "value");
  assert.deepEqual(found(`a\n\n${end}`), ["3: <!-- /stillroom --> ends nothing"]);
  assert.deepEqual(found("<!-- stillroom:value select 1\nno end"), ["1: This comment is never closed"]);
  assert.deepEqual(found(`<!-- stillroom -->1`), ["1: Expected <!-- stillroom"]);
  // An end marker that is only an example does not close anything, so the prose between is safe.
  assert.deepEqual(found("<!-- stillroom:table x -->\nprose `" + end + "`\n"), ["1: stillroom"]);
});
