/** Gathers what `show` tells of a run. */

import { SCENE_MODELS } from "../models/scene_models.ts";
import type { Row } from "../runner/csv.ts";
import type { Folders } from "../runner/paths.ts";
import type { RunState } from "../runner/run_state.ts";
import { readTable } from "../runner/table_file.ts";
import { type ShownParameters, shownParameters } from "./show_parameters.ts";

/** What is shown of a run. */
export interface Shown {
  /** The run. */
  readonly state: RunState;
  /** Its parameters. */
  readonly parameters: ShownParameters;
  /** What its stages noted while they worked, in the order of the plan. */
  readonly events: readonly { readonly node: string; readonly seed?: number; readonly row: Row }[];
  /** The last node that trained a model which can be rendered. */
  readonly model?: string;
  /** The options that named other folders than the project's, to be repeated in commands; mostly empty. */
  readonly options: string;
}

/** Gathers what is shown of a run. */
export async function readShown(folders: Folders, state: RunState, options = ""): Promise<Shown> {
  const events = await Promise.all(
    state.nodes.flat().map(async ({ node, seed, directory, entry }) => {
      const rows = await readTable(`${directory ?? entry}/events.csv`);
      return rows.map((row) => ({ node: node.name, ...(seed === undefined ? {} : { seed }), row }));
    }),
  );
  const model = state.nodes.flat().findLast(({ result }) =>
    result?.parameters_sha256 !== undefined && Object.hasOwn(SCENE_MODELS, result.artifact.format)
  );
  return {
    state,
    parameters: await shownParameters(folders, state.plan),
    events: events.flat(),
    ...(model ? { model: model.node.name } : {}),
    options,
  };
}

/** Columns of the terminal, 100 where there is none. */
export function widthOfTerminal(): number {
  try {
    return Deno.stdout.isTerminal() ? Deno.consoleSize().columns : 100;
  } catch {
    return 100;
  }
}
