export { etcd } from "./source.ts";
export type { EtcdOptions } from "./options.ts";
export type { EtcdConnectionOptions } from "./connection.ts";
export { codecs } from "./codecs/index.ts";
export type { EtcdCodec, EtcdReading, EtcdRegistration } from "./codecs/codec.ts";
export { etcdRegistrar } from "./registrar.ts";
export type { EtcdRegistrarOptions } from "./registration-options.ts";
