export { collectWorkers } from "./collector.ts";
export type { Collector } from "./collector.ts";
export type { CollectorOptions } from "./collector-options.ts";
export { definitions as clusterInstruments } from "./definitions.ts";
export { reportToPrimary } from "./reporter.ts";
export type { Reporter, ReporterOptions } from "./reporter.ts";
export type { WorkerProblem } from "./roster.ts";
