import type { InstanceStore, ServiceName, StoredInstance } from "./instance-store.ts";
import { Parameters } from "./parameters.ts";
import { Refusal } from "./refusal.ts";

type Question = Pick<StoredInstance, keyof ServiceName | "ip" | "port" | "cluster">;

/** How long clients may keep a list. */
const cacheMillis = 1000;

/** The two HTTP APIs for clients, over one store. What they return is the body of the answer. */
export class NamingApi {
  readonly #store: InstanceStore;
  readonly #now: () => number;

  constructor(store: InstanceStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** `/v3/client/ns/…`; the answers are wrapped. */
  v3(method: string, path: string, given: URLSearchParams): object {
    const parameters = new Parameters(given);
    const wrap = (data: unknown): object => ({ code: 0, message: "success", data });
    if (path === "/instance/list" && method === "GET") {
      const name = readName(parameters, false);
      // Here nothing named means this one.
      const clusters = (parameters.optional("clusterName") ?? "DEFAULT").split(",");
      parameters.flag("healthyOnly", false);
      parameters.end();
      return wrap(this.#store.list(name, clusters).hosts.map((host) => rendered(host)));
    }
    if (path !== "/instance" || (method !== "POST" && method !== "DELETE"))
      throw new Refusal(404, "Not Found");
    const isBeat = method === "POST" && parameters.flag("heartBeat", false);
    const name = readName(parameters, false);
    const instance = readInstance(parameters, name, "enabled");
    parameters.end();
    if (isBeat) {
      if (this.#store.beat(instance)) return wrap("ok");
      return { code: 21_003, message: "instance not found", data: null };
    }
    this.#write(method, instance);
    return wrap("ok");
  }

  /** `/v1/ns/…`; the answers are bare. */
  v1(method: string, path: string, given: URLSearchParams): object | string {
    const parameters = new Parameters(given);
    const route = `${method} ${path}`;
    if (route === "GET /operator/metrics") return { status: "UP" };
    if (!["POST /instance", "DELETE /instance", "PUT /instance/beat", "GET /instance/list"].includes(route)) {
      throw new Refusal(404, "Not Found");
    }
    const name = readName(parameters, true);
    if (method === "GET") return this.#listV1(parameters, name);
    if (method === "PUT") return this.#beatV1(parameters, name);
    const instance = readInstance(parameters, name, parameters.optional("enable") ?? "enabled");
    parameters.end();
    this.#write(method, instance);
    return "ok";
  }

  #write(method: string, instance: Omit<StoredInstance, "beatAt">): void {
    if (method === "POST") this.#store.put(instance);
    else this.#store.remove(instance);
  }

  #listV1(parameters: Parameters, name: ServiceName): object {
    const named = parameters.optional("clusters");
    parameters.flag("healthyOnly", false);
    // An older client tells where it wants to be pushed to.
    for (const each of ["udpPort", "clientIP", "app"]) parameters.optional(each);
    parameters.end();
    const { hosts, isProtected } = this.#store.list(name, named?.split(",") ?? []);
    return {
      name: `${name.group}@@${name.service}`,
      groupName: name.group,
      clusters: named ?? "",
      cacheMillis,
      hosts: hosts.map((host) => rendered(host)),
      lastRefTime: this.#now(),
      checksum: "",
      allIPs: false,
      reachProtectionThreshold: isProtected,
      valid: true,
    };
  }

  #beatV1(parameters: Parameters, name: ServiceName): object {
    const beat = parameters.optional("beat");
    const question = beat === undefined ? readQuestion(parameters, name) : readBeat(beat, name);
    parameters.optional("ephemeral");
    parameters.end();
    const answer = { clientBeatInterval: 5000, lightBeatEnabled: true };
    if (this.#store.beat(question)) return { code: 10_200, ...answer };
    if (beat === undefined) return { code: 20_404, ...answer };
    // A whole beat is as good as a registration.
    this.#store.put({ ...question, weight: 1, healthy: true, enabled: true, ephemeral: true, metadata: {} });
    return { code: 10_200, ...answer };
  }
}

/** The older API has the group in front of the name as well. */
function readName(parameters: Parameters, mayBeGrouped: boolean): ServiceName {
  const full = parameters.required("serviceName");
  const group = parameters.optional("groupName") ?? "DEFAULT_GROUP";
  const [first = "", second] = full.split("@@");
  if (second !== undefined && !mayBeGrouped) throw new Refusal(400, `${full} has a group`, 21_000);
  if (first === "" || second === "") throw new Refusal(400, `service name ${full}`, 21_000);
  const namespace = parameters.optional("namespaceId") ?? "public";
  return second === undefined
    ? { namespace, group, service: first }
    : { namespace, group: first, service: second };
}

function readQuestion(parameters: Parameters, name: ServiceName): Question {
  return { ...name, ip: parameters.required("ip"), port: parameters.port(), cluster: parameters.cluster() };
}

function readInstance(
  parameters: Parameters,
  name: ServiceName,
  enabled: string,
): Omit<StoredInstance, "beatAt"> {
  const isWord = enabled === "true" || enabled === "false";
  return {
    ...readQuestion(parameters, name),
    weight: parameters.number("weight", 0, 10_000, 1),
    healthy: parameters.flag("healthy", true),
    enabled: isWord ? enabled === "true" : parameters.flag("enabled", true),
    ephemeral: parameters.flag("ephemeral", true),
    metadata: parameters.metadata(),
  };
}

function readBeat(text: string, name: ServiceName): Question {
  const json: { ip?: unknown; port?: unknown; cluster?: unknown } = JSON.parse(text);
  if (typeof json.ip !== "string" || typeof json.port !== "number") throw new Refusal(400, "no beat", 20_002);
  return {
    ...name,
    ip: json.ip,
    port: json.port,
    cluster: typeof json.cluster === "string" ? json.cluster : "DEFAULT",
  };
}

function rendered(host: StoredInstance): object {
  const { ip, port, weight, healthy, enabled, ephemeral, cluster, metadata, group, service } = host;
  const grouped = `${group}@@${service}`;
  return {
    instanceId: `${ip}#${port}#${cluster}#${grouped}`,
    ip,
    port,
    weight,
    healthy,
    enabled,
    ephemeral,
    clusterName: cluster,
    serviceName: grouped,
    metadata,
    instanceHeartBeatInterval: 5000,
    instanceHeartBeatTimeOut: 15_000,
    ipDeleteTimeout: 30_000,
    instanceIdGenerator: "simple",
  };
}
