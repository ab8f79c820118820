import { hostPort } from "../discovery/host.ts";
import type { Endpoint } from "../discovery/source.ts";
import { GateRecord } from "./gate/gate-record.ts";
import { LATENCY, PENDING, healedSuccess } from "./load-table.ts";
import type { LoadTable } from "./load-table.ts";

/**
 * What the mesh knows of one endpoint while it is part of a service: a flat record without timers, emitters or
 * closures. Its numbers live in the service's {@link LoadTable}.
 */
export class EndpointState {
  readonly id: string;
  readonly address: string;
  /** What the source last said. */
  spec: Endpoint;
  readonly table: LoadTable;
  /** Row in `table`. */
  readonly offset: number;
  /** What can keep it from being picked. */
  readonly gate: GateRecord = new GateRecord();
  /** Its place among others, for subsetting: worked out once, with the seed beside it. */
  hash = 0;
  hashSeed = -1;
  /** It left the service; its calls in flight finish, new ones go elsewhere. */
  leaving = false;
  /** When it was last used, for the eviction of idle connections. */
  usedAt: number;

  constructor(spec: Endpoint, table: LoadTable, now: number) {
    this.id = spec.id;
    this.address = hostPort(spec.host, spec.port);
    this.spec = spec;
    this.table = table;
    this.offset = table.allocate(spec.weight, now);
    this.usedAt = now;
  }

  /** Takes over what the source says now, keeping everything measured. */
  update(spec: Endpoint): void {
    this.spec = spec;
    this.table.reweigh(this.offset, spec.weight);
  }

  /** Attempts in flight. */
  get pending(): number {
    return this.table.data[this.offset + PENDING]!;
  }

  /** Whether nothing speaks against it. */
  get open(): boolean {
    return !this.table.isClosed(this.offset);
  }

  /** The weight that balancers go by: the source's, less while the endpoint warms up. */
  get weight(): number {
    return this.table.weight(this.offset);
  }

  /** Average latency of successes in milliseconds, or undefined before the first one. */
  get latencyMs(): number | undefined {
    const latency = this.table.details[this.offset + LATENCY]!;
    return latency === 0 ? undefined : latency;
  }

  /** Moving success ratio, 0 to 1. */
  successRatio(now: number): number {
    return healedSuccess(this.table, this.offset, now);
  }
}
