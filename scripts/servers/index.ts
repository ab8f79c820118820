export { startConsul, startConsulCluster } from "./consul.ts";
export type { ConsulAgentOptions, ConsulCluster } from "./consul.ts";
export type { ConsulAgent } from "./consul-agent.ts";
export { findBinary } from "./recipe.ts";
export { installServer, recipeOf, recipes } from "./recipes.ts";
export { until } from "./until.ts";
