import type { InstanceFields, Status } from "./wire.ts";

/** What happened to an instance last. */
type Action = "ADDED" | "MODIFIED" | "DELETED";

/** An instance with its lease, as the server keeps it. */
interface Lease {
  readonly app: string;
  readonly id: string;
  fields: InstanceFields;
  status: Status;
  override: Status;
  action: Action;
  readonly durationMs: number;
  readonly registeredAt: number;
  lastUpdateAt: number;
  lastUpdatedTimestamp: number;
  dirtyAt: number;
}

/** An instance as it is shown. */
export interface Listed {
  readonly fields: InstanceFields;
  readonly status: Status;
  readonly override: Status;
  readonly action: Action;
  readonly durationMs: number;
  readonly registeredAt: number;
  readonly lastUpdatedTimestamp: number;
  readonly dirtyAt: number;
}

const changeReachMs = 180_000;
const preservedShare = 0.85;

/**
 * The state of a Eureka server and its rules, written after the documentation of Netflix's server: leases that are
 * believed for twice their length, statuses that the server keeps against a registration, changes of three minutes, a
 * count of all statuses, and self-preservation.
 */
export class LeaseRegistry {
  readonly #apps = new Map<string, Map<string, Lease>>();
  readonly #overrides = new Map<string, Status>();
  readonly #changes: { readonly at: number; readonly lease: Lease }[] = [];
  readonly #renewals: number[] = [];
  readonly #now: () => number;
  selfPreservation = false;

  constructor(now: () => number) {
    this.#now = now;
  }

  register(fields: InstanceFields): void {
    const now = this.#now();
    const app = this.#apps.get(fields.app) ?? new Map<string, Lease>();
    this.#apps.set(fields.app, app);
    const before = app.get(fields.instanceId);
    const isOlder = before !== undefined && before.dirtyAt > fields.lastDirtyTimestamp;
    const kept = isOlder ? before.fields : fields;
    if (kept.overriddenStatus !== "UNKNOWN" && !this.#overrides.has(fields.instanceId)) {
      this.#overrides.set(fields.instanceId, kept.overriddenStatus);
    }
    const lease: Lease = {
      app: fields.app,
      id: fields.instanceId,
      fields: kept,
      status: kept.status,
      override: this.#overrides.get(fields.instanceId) ?? "UNKNOWN",
      action: "ADDED",
      durationMs: fields.durationInSecs * 1000,
      registeredAt: now,
      lastUpdateAt: now,
      lastUpdatedTimestamp: now,
      dirtyAt: isOlder ? before.dirtyAt : fields.lastDirtyTimestamp,
    };
    lease.status = this.#ruled(lease, before);
    app.set(lease.id, lease);
    this.#changed(lease, "ADDED");
  }

  /** @returns `false` when it is not known */
  cancel(app: string, id: string): boolean {
    const lease = this.#apps.get(app)?.get(id);
    this.#overrides.delete(id);
    if (lease === undefined) return false;
    this.#apps.get(app)?.delete(id);
    if (this.#apps.get(app)?.size === 0) this.#apps.delete(app);
    this.#changed(lease, "DELETED");
    return true;
  }

  /** @returns `false` when the instance is not known, or says that it changed since it registered */
  renew(app: string, id: string, dirtyAt: number | undefined): boolean {
    const lease = this.#apps.get(app)?.get(id);
    if (lease === undefined) return false;
    const ruled = this.#ruled(lease, lease);
    if (ruled === "UNKNOWN") return false;
    lease.status = ruled;
    // The server adds the duration here and once more when it asks whether a lease is over.
    lease.lastUpdateAt = this.#now() + lease.durationMs;
    this.#renewals.push(this.#now());
    return dirtyAt === undefined || dirtyAt <= lease.dirtyAt;
  }

  /** @returns `false` when it is not known */
  override(app: string, id: string, status: Status): boolean {
    const lease = this.#apps.get(app)?.get(id);
    if (lease === undefined) return false;
    lease.lastUpdateAt = this.#now() + lease.durationMs;
    if (lease.status === status) return true;
    this.#overrides.set(id, status);
    lease.override = status;
    lease.status = status;
    this.#changed(lease, "MODIFIED");
    return true;
  }

  /** @returns `false` when it is not known */
  clearOverride(app: string, id: string, status: Status): boolean {
    const lease = this.#apps.get(app)?.get(id);
    if (lease === undefined) return false;
    lease.lastUpdateAt = this.#now() + lease.durationMs;
    if (!this.#overrides.delete(id)) return true;
    lease.override = "UNKNOWN";
    lease.status = status;
    this.#changed(lease, "MODIFIED");
    return true;
  }

  /** Forgets who was silent for too long; at most 15 % at once, and nobody while too many are silent. */
  evict(): void {
    const now = this.#now();
    if (this.selfPreservation && !this.#isRenewedEnough(now)) return;
    const all = [...this.#apps.values()].flatMap((app) => Array.from(app.values()));
    const expired = all.filter(({ lastUpdateAt, durationMs }) => now > lastUpdateAt + durationMs);
    const limit = all.length - Math.floor(all.length * preservedShare);
    for (const { app, id } of expired.slice(0, limit)) this.cancel(app, id);
  }

  /** Everything, or one application. */
  list(app?: string): ReadonlyMap<string, readonly Listed[]> {
    const chosen = app === undefined ? [...this.#apps] : [...this.#apps].filter(([name]) => name === app);
    return new Map(chosen.map(([name, leases]) => [name, [...leases.values()]]));
  }

  find(app: string, id: string): Listed | undefined {
    return this.#apps.get(app)?.get(id);
  }

  /** The changes of the last three minutes; each shows its instance as it is now, as the real one does. */
  changes(): ReadonlyMap<string, readonly Listed[]> {
    const since = this.#now() - changeReachMs;
    while ((this.#changes[0]?.at ?? Infinity) < since) this.#changes.shift();
    const apps = new Map<string, Listed[]>();
    for (const { lease } of this.#changes) {
      apps.set(lease.app, [...(apps.get(lease.app) ?? []), lease]);
    }
    return apps;
  }

  hashCode(): string {
    const statuses = [...this.#apps.values()].flatMap((app) => [...app.values()].map(({ status }) => status));
    const names = [...new Set(statuses)].toSorted();
    return names.map((name) => `${name}_${statuses.filter((each) => each === name).length}_`).join("");
  }

  /** Forgets the changes, as a server does that lost them, and nothing else. */
  forgetChanges(): void {
    this.#changes.length = 0;
  }

  #changed(lease: Lease, action: Action): void {
    lease.action = action;
    lease.lastUpdatedTimestamp = this.#now();
    this.#changes.push({ at: this.#now(), lease });
  }

  #isRenewedEnough(now: number): boolean {
    while ((this.#renewals[0] ?? Infinity) < now - 60_000) this.#renewals.shift();
    const known = [...this.#apps.values()].reduce((sum, app) => sum + app.size, 0);
    return this.#renewals.length > known * 2 * preservedShare;
  }

  /** First what the instance says when it is ill, then what was set from outside, then what it was, then what it says. */
  #ruled(lease: Lease, before: Lease | undefined): Status {
    const said = lease.fields.status;
    if (lease !== before && said !== "UP" && said !== "OUT_OF_SERVICE") return said;
    if (lease === before && lease.status !== "UP" && lease.status !== "OUT_OF_SERVICE") return lease.status;
    const override = this.#overrides.get(lease.id);
    if (override !== undefined) return override;
    const was = before?.status;
    return was === "UP" || was === "OUT_OF_SERVICE" ? was : said;
  }
}
