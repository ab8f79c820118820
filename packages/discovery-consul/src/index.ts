export { consul } from "./source.ts";
export type { ConsulMode, ConsulOptions } from "./options.ts";
export type { ConsulConnectionOptions, ConsulTls } from "./connection.ts";
export { consulRegistrar } from "./registrar.ts";
export type { ConsulDeregisterOptions, ConsulRegistrar, ConsulRegistrationHandle } from "./registrar.ts";
export type {
  ConsulCheck,
  ConsulRegistrarOptions,
  ConsulRegistration,
  ConsulRegistrationState,
  ConsulStatus,
} from "./registration-options.ts";
