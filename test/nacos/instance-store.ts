/** An instance as the server keeps it. */
export interface StoredInstance {
  readonly namespace: string;
  readonly group: string;
  readonly service: string;
  readonly ip: string;
  readonly port: number;
  readonly cluster: string;
  weight: number;
  healthy: boolean;
  enabled: boolean;
  readonly ephemeral: boolean;
  metadata: Readonly<Record<string, string>>;
  beatAt: number;
}

/** Whom a question is about. */
export interface ServiceName {
  readonly namespace: string;
  readonly group: string;
  readonly service: string;
}

const unhealthyAfterMs = 15_000;
const forgottenAfterMs = 30_000;

/**
 * The state of a Nacos server and its rules, written after its documentation: beats, the two ages at which silence makes
 * an instance unhealthy and gone, disabled instances that nobody sees, and the protection of a service of which too few
 * are healthy.
 */
export class InstanceStore {
  readonly #instances = new Map<string, StoredInstance>();
  readonly #now: () => number;
  /** The share of healthy instances, 0 to 1, at which all of a service count as healthy; nobody is protected by default. */
  readonly protectThresholds = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  put(instance: Omit<StoredInstance, "beatAt">): void {
    this.#instances.set(keyOf(instance), { ...instance, beatAt: this.#now() });
  }

  /** @returns `false` when it is not known */
  beat(instance: Pick<StoredInstance, keyof ServiceName | "ip" | "port" | "cluster">): boolean {
    this.#age();
    const found = this.#instances.get(keyOf(instance));
    if (found === undefined) return false;
    found.beatAt = this.#now();
    found.healthy = true;
    return true;
  }

  remove(instance: Pick<StoredInstance, keyof ServiceName | "ip" | "port" | "cluster">): boolean {
    return this.#instances.delete(keyOf(instance));
  }

  find(service: string, port: number): StoredInstance | undefined {
    return this.#all().find((each) => each.service === service && each.port === port);
  }

  /** What clients see: no disabled instance, and only the named clusters, if any are. */
  list(name: ServiceName, clusters: readonly string[]): { hosts: StoredInstance[]; isProtected: boolean } {
    const hosts = this.#all().filter(
      (each) =>
        each.namespace === name.namespace &&
        each.group === name.group &&
        each.service === name.service &&
        each.enabled &&
        (clusters.length === 0 || clusters.includes(each.cluster)),
    );
    const threshold = this.protectThresholds.get(name.service) ?? -1;
    const healthy = hosts.filter((each) => each.healthy).length;
    const isProtected = hosts.length > 0 && healthy / hosts.length <= threshold;
    if (!isProtected) return { hosts, isProtected };
    return { hosts: hosts.map((each) => Object.assign({}, each, { healthy: true })), isProtected };
  }

  #all(): StoredInstance[] {
    this.#age();
    return [...this.#instances.values()];
  }

  #age(): void {
    for (const [key, instance] of this.#instances) {
      if (!instance.ephemeral) continue;
      const silence = this.#now() - instance.beatAt;
      const timeout = Number(instance.metadata["preserved.heart.beat.timeout"] ?? unhealthyAfterMs);
      const end = Number(instance.metadata["preserved.ip.delete.timeout"] ?? forgottenAfterMs);
      if (silence > end) this.#instances.delete(key);
      else if (silence > timeout) instance.healthy = false;
    }
  }
}

function keyOf({
  namespace,
  group,
  service,
  ip,
  port,
  cluster,
}: Pick<StoredInstance, keyof ServiceName | "ip" | "port" | "cluster">): string {
  return [namespace, group, service, cluster, ip, port].join("@@");
}
