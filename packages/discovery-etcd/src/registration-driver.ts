import type { Clock, Health, Random } from "@proxyless/core";
import { SourceError } from "@proxyless/core/discovery";
import type {
  RegistrationDriver,
  RegistrationStatus,
  ResolvedInstance,
  WantedEntry,
} from "@proxyless/core/discovery";

import { EtcdGateway } from "./gateway.ts";
import { Lease, isLeaseGone } from "./lease.ts";
import { folderOf } from "./options.ts";
import { OwnEntry } from "./own-entry.ts";
import type { RegistrarSettings } from "./registration-options.ts";
import { Calls } from "./registry-calls.ts";

const maxAnswerBytes = 1024 * 1024;

const healthOf: Readonly<Record<RegistrationStatus, Health>> = {
  starting: "starting",
  up: "healthy",
  degraded: "degraded",
  down: "unhealthy",
  "out-of-service": "draining",
};

/** What a driver is made of. */
export interface EtcdDriverParts {
  readonly settings: RegistrarSettings;
  readonly lost: () => void;
  readonly clock: Clock;
  readonly random: Random;
}

/** Keeps one instance in etcd: one key, on one lease of its own. */
export class EtcdRegistrationDriver implements RegistrationDriver {
  readonly periodMs: number;
  readonly patienceMs: number;
  readonly #parts: EtcdDriverParts;
  readonly #gateway: EtcdGateway;
  readonly #calls: Calls;
  readonly #lease: Lease;
  #own: OwnEntry | undefined;
  /** The entry shall be there; while it shall not, its absence is no loss. */
  #isWanted = false;

  constructor(instance: ResolvedInstance, parts: EtcdDriverParts) {
    const { settings, clock } = parts;
    this.periodMs = settings.ttlMs / 3;
    this.patienceMs = settings.ttlMs;
    this.#parts = parts;
    this.#gateway = new EtcdGateway(settings.connection, maxAnswerBytes);
    this.#calls = new Calls(this.#gateway, clock);
    this.#lease = new Lease(this.#calls, settings.ttlMs, `the lease of ${instance.id}`);
  }

  async apply(wanted: WantedEntry, signal: AbortSignal): Promise<void> {
    this.#isWanted = this.#isListed(wanted);
    if (this.#isWanted) await this.#list(wanted, signal);
    else {
      await this.#lease.keep(signal);
      await this.#unlist(wanted, signal);
    }
    const { lost, clock, random } = this.#parts;
    this.#own ??= new OwnEntry(
      this.#gateway,
      this.#entry(wanted, "healthy").key,
      () => {
        if (this.#isWanted) lost();
      },
      { clock, random },
    );
  }

  /** Those who know no word for draining are told to go by the entry's absence; those who know it hear why first. */
  drain(wanted: WantedEntry, signal: AbortSignal): Promise<boolean> {
    this.#isWanted = false;
    return this.#unlist({ ...wanted, status: "out-of-service" }, signal);
  }

  async remove(_: WantedEntry, signal: AbortSignal): Promise<void> {
    await this.#lease.revoke(signal);
  }

  async close(): Promise<void> {
    await this.#own?.close();
    this.#gateway.close();
  }

  async #list(wanted: WantedEntry, signal: AbortSignal): Promise<void> {
    const { key, value } = this.#entry(wanted, healthOf[wanted.status]);
    for (let isSecond = false; ; isSecond = true) {
      // eslint-disable-next-line no-await-in-loop -- the second attempt is for a fresh lease
      const lease = await this.#lease.keep(signal);
      try {
        // eslint-disable-next-line no-await-in-loop -- as above
        const found = await this.#calls.get(key, signal);
        const isRight = found?.lease === lease && Buffer.from(value).equals(found.value);
        // eslint-disable-next-line no-await-in-loop -- as above
        if (!isRight) await this.#calls.put(key, value, lease, signal);
        return;
      } catch (error) {
        if (isSecond || !isLeaseGone(error)) throw error;
        this.#lease.forget();
      }
    }
  }

  /** Marks the entry and takes it out, unless somebody else has taken its place. @returns whether it was there */
  async #unlist(wanted: WantedEntry, signal: AbortSignal): Promise<boolean> {
    const lease = this.#lease.id;
    if (lease === undefined) return false;
    const { key, value } = this.#entry(wanted, healthOf[wanted.status]);
    if (this.#parts.settings.codec.saysHealth === true) {
      return this.#calls.change(key, lease, value, signal);
    }
    const { value: mark } = this.#entry(wanted, "draining");
    // A format without a word for it has only the one entry.
    const isMarkable = mark !== this.#entry(wanted, "healthy").value;
    if (isMarkable && !(await this.#calls.change(key, lease, mark, signal))) return false;
    return this.#calls.change(key, lease, undefined, signal);
  }

  #isListed({ status, instance }: WantedEntry): boolean {
    if (this.#parts.settings.codec.saysHealth === true) return true;
    return (status === "up" || status === "degraded") && instance.weight > 0;
  }

  #entry({ instance, host }: WantedEntry, health: Health): { readonly key: string; readonly value: string } {
    const { codec, prefix } = this.#parts.settings;
    const { service, id, port, scheme, weight, version, zone, metadata } = instance;
    const said = { service, id, host, port, scheme, weight, version, zone, metadata, health };
    try {
      const { key, value } = codec.encode(said);
      return { key: folderOf(service, prefix, codec) + key, value };
    } catch (error) {
      throw new SourceError("config", `codec ${codec.name} cannot write instance ${id}`, { cause: error });
    }
  }
}
