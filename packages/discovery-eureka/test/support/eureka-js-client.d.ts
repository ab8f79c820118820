/** The parts of the package that the tests use; it comes without types. */
declare module "eureka-js-client" {
  import type { EventEmitter } from "node:events";

  export interface Logger {
    level(level: string): void;
    debug(...args: readonly unknown[]): void;
    info(...args: readonly unknown[]): void;
    warn(...args: readonly unknown[]): void;
    error(...args: readonly unknown[]): void;
  }

  export interface Listed {
    readonly instanceId?: string;
    readonly app: string;
    readonly ipAddr: string;
    readonly hostName: string;
    readonly status: string;
    readonly vipAddress?: string;
    readonly port: { readonly $: number; readonly "@enabled": string | boolean };
    readonly metadata?: Readonly<Record<string, string>>;
  }

  export class Eureka extends EventEmitter {
    constructor(config: object);
    start(done: (error?: Error | null) => void): void;
    stop(done: (error?: Error | null) => void): void;
    fetchRegistry(done: (error?: Error | null) => void): void;
    getInstancesByAppId(app: string): readonly Listed[];
    getInstancesByVipAddress(vip: string): readonly Listed[];
  }
}
