/**
 * What runs measured, as Markdown: SQL over the evidence, directives in reports, charts, check-boxes with their proof.
 * `report --record` copies runs into reports/evidence/*.csv, which are committed; every report is rendered from them
 * alone, so a fresh clone, CI and the author's machine generate the same bytes and `report --check` can tell.
 * Reads what the runner wrote, through the runner's own readers of CSV and JSON, and imports nothing else of the project.
 * No measuring and no training happens here, and no number is shown or drawn that is not in a file.
 *
 * @module
 */
export { findReports, type ReportArguments, reportCommand, type ReportOutput } from "./command.ts";
export { type Chart } from "./charts.ts";
export { type Change, type RenderedReport, renderReport, type ReportChart, type ReportContext } from "./directives.ts";
export {
  chooseRuns,
  EvidenceError,
  evidenceFolder,
  limitNodeTables,
  mergeTables,
  readEvidence,
  selectRuns,
  writeEvidence,
} from "./evidence.ts";
export { type Directive, findDirectives, type Problem } from "./markdown.ts";
export { mentionedTables } from "./load.ts";
export { type Cell, type Database, type DatabaseOptions, openDatabase, type QueryResult, SqlError } from "./sql.ts";
export { type NodeFile, NodeFiles } from "./node_files.ts";
export { type DescribedColumn, type DescribedTable, tableSchemas, viewSchemas } from "./schema.ts";
export { listRuns, readRuns, type Warn } from "./store.ts";
export {
  type Column,
  type ColumnType,
  type FileTableName,
  fileTables,
  originColumns,
  type Row,
  type Table,
  type TableName,
  tableNames,
  type Tables,
} from "./tables.ts";
