export { nacos } from "./source.ts";
export type { NacosOptions } from "./options.ts";
export type { NacosApi, NacosConnectionOptions } from "./connection.ts";
export { nacosRegistrar } from "./registrar.ts";
export type { NacosInstance, NacosRegistrarOptions } from "./registration-options.ts";
