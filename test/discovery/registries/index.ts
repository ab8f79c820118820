import type { Ability, RegistryEntry } from "../under-test.ts";
import { startConsulRegistry } from "./consul.ts";
import { startDns } from "./dns.ts";
import { startEtcdUnderTest } from "./etcd.ts";
import { startEurekaUnderTest } from "./eureka.ts";
import { startFile } from "./file.ts";
import { startKubernetesUnderTest } from "./kubernetes.ts";
import { startNacosUnderTest } from "./nacos.ts";
import { startXdsRegistry } from "./xds.ts";
import { startZookeeperUnderTest } from "./zookeeper.ts";

const server: readonly Ability[] = ["kill", "restartEmpty", "pause", "link"];

/** Every registry that has an adapter. */
export const registries: Readonly<Record<string, RegistryEntry>> = {
  consul: { start: startConsulRegistry, abilities: [...server, "expireAuth"] },
  dns: { start: startDns, abilities: ["kill", "restartEmpty", "pause"] },
  etcd: { start: startEtcdUnderTest, abilities: [...server, "expireAuth"] },
  eureka: { start: startEurekaUnderTest, abilities: server },
  file: { start: startFile, abilities: ["restartEmpty"] },
  kubernetes: { start: startKubernetesUnderTest, abilities: [...server, "expireAuth"] },
  nacos: { start: startNacosUnderTest, abilities: [...server, "expireAuth"] },
  xds: { start: startXdsRegistry, abilities: server },
  zookeeper: { start: startZookeeperUnderTest, abilities: server },
};
