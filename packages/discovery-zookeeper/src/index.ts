export { zookeeper } from "./source.ts";
export type { ZookeeperOptions } from "./options.ts";
export type { ZookeeperConnectionOptions } from "./connection.ts";
export { codecs } from "./codecs/codecs.ts";
export type {
  DecodeContext,
  DecodedNode,
  InstanceToWrite,
  NodeToWrite,
  ZookeeperCodec,
  ZookeeperNode,
} from "./codecs/codec.ts";
export { zookeeperRegistrar } from "./registrar.ts";
export type { ZookeeperAcl, ZookeeperRegistrarOptions } from "./registration-options.ts";
