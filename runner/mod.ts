/**
 * The runner: experiments, stages, parameters, plans, the content-keyed cache, claims, checkpoints, run folders, gates and
 * the diagnosis engine. It knows nothing of GPUs, scenes or images and imports none of the other folders; what it must know
 * of the machine comes in as an `Environment`. Files are the only thing that stages exchange. Three folders stand above the
 * runs and are no part of this barrel: `sweep/` chooses settings, `launch/` starts their processes, `schedule/` starts sweeps.
 * Inside the project import the leaf modules: this barrel would tie everything into every cache key.
 *
 * @module
 */

export { type Artifact, jsonArtifact } from "./artifact.ts";
export type { Checkpoint, Tensor } from "./checkpoint.ts";
export { type Cell, type CsvWriter, cutTornLine, parseCsv, parseRows, readCsvFile, type Row } from "./csv.ts";
export {
  type ComparedEvidence,
  diagnose,
  diagnoseGroup,
  type Diagnosis,
  type Evidence,
  type Finding,
  type GroupDiagnosis,
  type GroupRule,
  type Rule,
  type Severity,
} from "./diagnosis.ts";
export type { DeviceLoss, Environment, Fingerprint, MemoryItem, OpenDevice } from "./environment.ts";
export { StageError, Stopped, UsageError } from "./errors.ts";
export {
  buildPlan,
  type Experiment,
  experiment,
  type ExperimentSpec,
  type Overlay,
  type Pipeline,
  type Plan,
} from "./experiment.ts";
export { Gate, gate, type GateFields, type GateResult, type GateStart, type GateState, judge } from "./gate.ts";
export { canonicalJson, type Json, type JsonObject, sha256 } from "./json.ts";
export type { KeyParts } from "./keys.ts";
export { type Origin, type ParameterDifference, parameterDifferences } from "./origin.ts";
export { type ParameterLayers, resolveParameters } from "./params.ts";
export { type PlanNode, withSeed } from "./plan_builder.ts";
export {
  type Input,
  input,
  type InputRefs,
  type Inputs,
  type InputValue,
  type InputValues,
  type metricType,
  optionalInput,
  type OptionalNames,
  type Ref,
  type RefValue,
  type RequiredNames,
  type valueType,
} from "./ref.ts";
export { readResult, type StageResult } from "./result.ts";
export type { MetricSummary, PlanFile, PlannedNode, RunStatus, RunSummary, SweepPoint } from "./run_folder.ts";
export type { AnySchema, NoParameters, ObjectSchema, SchemaInput, SchemaOutput } from "./schema_types.ts";
export {
  type MetricName,
  type Metrics,
  type ProgressUpdate,
  type Stage,
  stage,
  type StageArguments,
  type StageContext,
  type StageDefinition,
  type StageOutcome,
  type StageSpec,
} from "./stage.ts";
export type { StopSignal } from "./stop.ts";
