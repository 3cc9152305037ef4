/** Rows of numbers as Arrow, which DuckDB takes without parsing. Loaded only where there are files to read. */

import { Float64, Int32, makeData, makeVector, Table, tableToIPC, type Vector } from "apache-arrow";
import type { NumberColumn, NumberRows } from "./number_buffer.ts";

/**
 * Rows as a stream of Arrow.
 *
 * @param columns for each column of the table what the rows hold; undefined for nothing
 */
export function arrowStream(
  sources: NumberRows["sources"],
  columns: readonly (NumberColumn | undefined)[],
): Uint8Array {
  const { length } = sources;
  const vectors: Record<string, Vector<Int32> | Vector<Float64>> = {
    source: makeVector(makeData({ type: new Int32(), length, data: sources })),
  };
  const nothing = () => ({
    values: new Float64Array(length),
    present: new Uint8Array((length + 7) >> 3),
    empty: length,
  });
  for (const [i, column] of columns.entries()) {
    const { values, present, empty } = column ?? nothing();
    const data = makeData({ type: new Float64(), length, nullCount: empty, data: values, nullBitmap: present });
    vectors[`c${i}`] = makeVector(data);
  }
  return tableToIPC(new Table(vectors), "stream");
}
