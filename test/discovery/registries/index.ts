import { RelayedPeers } from "../relayed-peers.ts";
import type { Ability, RegistryEntry } from "../under-test.ts";
import { startConsulClusterUnderTest } from "./consul-cluster.ts";
import { startConsulKvRegistry, startConsulQueryRegistry, startConsulRegistry } from "./consul.ts";
import { startDns, startDnsOfAddresses } from "./dns.ts";
import { startEtcdClusterUnderTest } from "./etcd-cluster.ts";
import { startEtcdUnderTest } from "./etcd.ts";
import { startEurekaUnderTest } from "./eureka.ts";
import { startFile } from "./file.ts";
import { startKubernetesUnderTest } from "./kubernetes.ts";
import { startNacosUnderTest } from "./nacos.ts";
import { startXdsDeltaRegistry, startXdsRegistry } from "./xds.ts";
import { startZookeeperEnsembleUnderTest } from "./zookeeper-ensemble.ts";
import { startZookeeperUnderTest } from "./zookeeper.ts";

/** What can be done to every server. */
export const server: readonly Ability[] = ["kill", "restartEmpty", "pause", "link"];

const withCredentials: readonly Ability[] = [...server, "expireAuth"];

/** Every registry that has an adapter. */
export const registries: Readonly<Record<string, RegistryEntry>> = {
  consul: { start: startConsulRegistry, abilities: withCredentials },
  dns: { start: startDns, abilities: [...server, "datagrams"] },
  etcd: { start: () => startEtcdUnderTest(), abilities: withCredentials },
  eureka: { start: () => startEurekaUnderTest(), abilities: withCredentials },
  file: { start: () => startFile(), abilities: ["restartEmpty", "files"] },
  kubernetes: { start: () => startKubernetesUnderTest(), abilities: withCredentials },
  nacos: { start: () => startNacosUnderTest(), abilities: withCredentials },
  xds: { start: startXdsRegistry, abilities: server },
  zookeeper: { start: () => startZookeeperUnderTest(), abilities: withCredentials },
};

/** Other ways to have services in the same servers, and other versions of these. */
export const variants: Readonly<Record<string, RegistryEntry>> = {
  "consul-kv": { start: startConsulKvRegistry, abilities: withCredentials },
  "consul-query": { start: startConsulQueryRegistry, abilities: withCredentials },
  "etcd-3.4": { start: () => startEtcdUnderTest("3.4"), abilities: withCredentials },
  "xds-delta": { start: startXdsDeltaRegistry, abilities: withCredentials },
};

/** How the sources of those servers work where there is more to watch, where the server is older, or with other data. */
export const otherWays: Readonly<Record<string, RegistryEntry>> = {
  "dns-address": { start: startDnsOfAddresses, abilities: [...server, "datagrams"] },
  "eureka-delta": { start: () => startEurekaUnderTest({ deltaAbove: 0 }), abilities: withCredentials },
  "eureka-whole": {
    start: () => startEurekaUnderTest({ deltaAbove: 0 }, { delta: false }),
    abilities: withCredentials,
  },
  "file-yaml": { start: () => startFile("yaml"), abilities: ["restartEmpty", "files"] },
  "kubernetes-namespace": {
    start: () => startKubernetesUnderTest({ maxServiceWatches: 0 }),
    abilities: withCredentials,
  },
  "nacos-v1": { start: () => startNacosUnderTest({ apis: ["v1"] }), abilities: withCredentials },
  "zookeeper-one-shot": {
    start: () => startZookeeperUnderTest({ watches: "one-shot" }),
    abilities: server,
  },
};

/** A service has a feed of its own, and moves to that of its namespace when another is watched. */
export const movingFeeds: RegistryEntry = {
  start: () => startKubernetesUnderTest({ maxServiceWatches: 1 }),
  abilities: withCredentials,
};

const cluster: readonly Ability[] = ["link", "leader"];

/** Those of them that are several servers in earnest, of whom one leads. */
export const clusters: Readonly<Record<string, RegistryEntry>> = {
  "consul-cluster": { start: startConsulClusterUnderTest, abilities: cluster },
  "etcd-cluster": { start: startEtcdClusterUnderTest, abilities: cluster },
  "zookeeper-ensemble": { start: startZookeeperEnsembleUnderTest, abilities: cluster },
};

const partible: readonly Ability[] = [...cluster, "partition"];

/** The same, with a network between their members that can be cut. */
export const relayedClusters: Readonly<Record<string, RegistryEntry>> = {
  "consul-cluster": { start: () => startConsulClusterUnderTest(new RelayedPeers()), abilities: partible },
  "etcd-cluster": { start: () => startEtcdClusterUnderTest(new RelayedPeers()), abilities: partible },
  "zookeeper-ensemble": {
    start: () => startZookeeperEnsembleUnderTest(new RelayedPeers()),
    abilities: partible,
  },
};
