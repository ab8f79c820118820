/** `@proxyless/dashboard/feed`: what a page of several meshes is made with. */
export { MeshFeed } from "../feed.ts";
export type { Feed, FeedSource } from "../feed.ts";
export type { CallKind } from "../call-counter.ts";
export type { Command, CommandCircuit } from "../commands.ts";
export type { LatencyParts } from "../latencies.ts";
export { emptyRecord } from "../merge-patch.ts";
export { rounded, shareSteps } from "../rounded.ts";
export { Tally } from "../tally.ts";
export type {
  CallItem,
  CircuitStateView,
  EndpointFigures,
  EndpointState,
  HedgingStateView,
  LimitsStateView,
  NewsItem,
  PageState,
  Reason,
  ServiceState,
} from "../state.ts";
