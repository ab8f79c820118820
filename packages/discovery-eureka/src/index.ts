export { eureka } from "./source.ts";
export type { EurekaMode, EurekaOptions, EurekaSecure } from "./options.ts";
export type { EurekaConnectionOptions } from "./connection.ts";
export { eurekaRegistrar } from "./registrar.ts";
export type { EurekaInstance, EurekaRegistrarOptions } from "./registration-options.ts";
