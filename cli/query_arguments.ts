/** What `query` may be told. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import { examples } from "./options.ts";

/** The command `query`. */
export const query = command(
  "query",
  object({
    action: constant("query"),
    words: multiple(argument(string({ metavar: "SQL" }), {
      description:
        message`One reading statement in the SQL of DuckDB, in quotes; - reads it from standard input. With --schema the name of a table.`,
    })),
    schema: option("--schema", {
      description: message`List the tables and views, or the columns of one: their types and what they mean.`,
    }),
    csv: option("--csv", { description: message`Print CSV: every digit, all rows; inf for infinity.` }),
    json: option("--json", {
      description: message`Print a JSON list of objects: every digit, all rows; "inf" for infinity.`,
    }),
    table: option("--table", { description: message`Print a table for people: numbers shortened. So it is anyway.` }),
    limit: withDefault(
      option("--limit", integer({ min: 1, metavar: "N" }), { description: message`Most rows of the table.` }),
      50,
      { message: message`50` },
    ),
    evidence: option("--evidence", {
      description: message`Ask what is committed in reports/evidence, not the runs in runs/.`,
    }),
  }),
  {
    brief: message`Ask all runs something in SQL; the answer comes as a table, CSV or JSON.`,
    description:
      message`Reads the runs on this machine into DuckDB and asks it. Nothing is written. All tables, columns and more examples are in docs/queries.md. Exit code 0, or 2 when the query is refused or fails.`,
    footer: examples(
      ['deno task query "select run, preset, scene, psnr, fps from evaluations order by run"', "every evaluation"],
      ['deno task query "from latest"', "the newest run of each experiment, preset, scene and set of parameters"],
      ['deno task query "select state, count(*) from gate_states group by all" --evidence', "gates of the evidence"],
      [
        "deno task query \"select step, loss from training_metrics where run like '%01M7Z27R8T%'\" --csv > loss.csv",
        "a curve for another program",
      ],
      ["deno task query --schema", "what can be asked"],
      ["deno task query --schema evaluations", "the columns of a table"],
    ),
  },
);

/** What `query` was told. */
export interface QueryArguments {
  /** Which command. */
  readonly action: "query";
  /** The query, in one word or several; with `schema` a table's name. */
  readonly words: readonly string[];
  /** List tables or columns. */
  readonly schema: boolean;
  /** Print CSV. */
  readonly csv: boolean;
  /** Print JSON. */
  readonly json: boolean;
  /** Print a table, which is the default. */
  readonly table: boolean;
  /** Most rows of the table. */
  readonly limit: number;
  /** Ask the committed evidence. */
  readonly evidence: boolean;
}
