import assert from "node:assert/strict";
import { fileTest } from "../tests/permissions.ts";
import { duckdbTest } from "./_fixtures.ts";
import { tableSchemas, viewSchemas } from "./schema.ts";
import { openDatabase } from "./sql.ts";
import { emptyTables } from "./tables.ts";

const described = { ...tableSchemas, ...viewSchemas };

Deno.test("tableSchemas: every column has a plain name, once, and a meaning", () => {
  for (const [table, { meaning, columns }] of Object.entries(described)) {
    assert.ok(meaning.length > 0, table);
    assert.equal(new Set(columns.map(({ name }) => name)).size, columns.length, table);
    for (const { name, meaning } of columns) {
      assert.match(name, /^[a-z][a-z0-9_]*$/, table);
      assert.match(meaning, /^\S.*[^.\s]$/, `${table}.${name}`);
    }
  }
});

duckdbTest("tableSchemas: SQL sees each table and view with these columns and types", async () => {
  const database = await openDatabase(emptyTables());
  try {
    for (const [table, { columns }] of Object.entries(described)) {
      const { rows } = database.query(`describe ${table}`);
      assert.deepEqual(rows.map(([name, type]) => [name, type]), columns.map(({ name, type }) => [name, type]), table);
    }
  } finally {
    database.close();
  }
});

fileTest("docs/queries.md: tables, columns, types and meanings are those of the schema", async () => {
  const text = await Deno.readTextFile(new URL("../docs/queries.md", import.meta.url));
  const types = { VARCHAR: "text", DOUBLE: "number", BOOLEAN: "true or false" };
  const sections = new Map(
    text.split(/^### /m).slice(1).map((section) => [section.slice(0, section.indexOf("\n")), section]),
  );
  assert.deepEqual([...sections.keys()], Object.keys(described));
  for (const [table, { meaning, columns }] of Object.entries(described)) {
    const section = sections.get(table) ?? "";
    const flat = section.replace(/\s+/g, " ");
    assert.ok(flat.includes(`${meaning}.`), table);
    if (table === "latest") continue;
    const rows = [...section.matchAll(/^\| `(\w+)` *\| ([^|]*?) *\| (\w*) *\| (.*?) *\|$/gm)].map((row) =>
      row.slice(1)
    );
    const expected = columns.map(({ name, type, measured, meaning }) => [
      name,
      types[type],
      measured ? "yes" : "",
      meaning,
    ]);
    assert.deepEqual(rows, expected, table);
  }
});
