import type { Clock } from "@proxyless/core";
import { SourceError } from "@proxyless/core/discovery";
import type { RegistrationDriver, RegistrationStatus, WantedEntry } from "@proxyless/core/discovery";

import { differs, entryOf, statusWord } from "./instance-entry.ts";
import type { RegistrationCalls } from "./registration-calls.ts";
import type { Lease, ResolvedEurekaInstance } from "./registration-options.ts";

type Wanted = WantedEntry<ResolvedEurekaInstance>;

/** Every second beat is followed by a look at what is listed. */
const beatsPerLook = 2;

/**
 * Keeps one instance in Eureka. A server believes its own list more than a registration: it keeps UP and OUT_OF_SERVICE
 * through one, keeps the newer of two by `lastDirtyTimestamp`, and keeps a status that was set from outside. So each
 * registration is followed by a look at what became of it.
 */
export class EurekaRegistrationDriver implements RegistrationDriver<ResolvedEurekaInstance> {
  readonly periodMs: number;
  readonly patienceMs: number;
  readonly statuses: readonly RegistrationStatus[] = ["starting", "up", "down", "out-of-service"];
  readonly #calls: RegistrationCalls;
  readonly #lease: Lease;
  readonly #clock: Clock;
  readonly #onClose: () => void;
  /** What the server was told last; `undefined` until it took one, and when it forgot. */
  #told: Wanted | undefined;
  #dirtyAt = 0;
  #beats = 0;
  /** The status that is set from outside is this process's own, or that of the one before it. */
  #isOwnOverride = true;

  constructor(calls: RegistrationCalls, lease: Lease, clock: Clock, onClose: () => void) {
    this.periodMs = lease.renewalMs;
    this.patienceMs = lease.leaseMs;
    this.#calls = calls;
    this.#lease = lease;
    this.#clock = clock;
    this.#onClose = onClose;
  }

  async apply(wanted: Wanted, signal: AbortSignal): Promise<void> {
    const isSame = this.#told?.instance === wanted.instance && this.#told.status === wanted.status;
    const isKnown = isSame && (await this.#calls.beat(statusWord[wanted.status], this.#dirtyAt, signal));
    this.#beats++;
    if (!isKnown) await this.#register(wanted, signal);
    else if (this.#beats % beatsPerLook !== 0) return;
    await this.#look(wanted, signal);
  }

  drain(_: Wanted, signal: AbortSignal): Promise<boolean> {
    return this.#calls.override("OUT_OF_SERVICE", this.#dirtyAt, signal);
  }

  async remove(_: Wanted, signal: AbortSignal): Promise<void> {
    await this.#calls.remove(signal);
  }

  close(): void {
    this.#onClose();
  }

  async #register(wanted: Wanted, signal: AbortSignal, newerThan = 0): Promise<void> {
    this.#told = undefined;
    this.#dirtyAt = Math.max(this.#clock.wallNow(), this.#dirtyAt + 1, newerThan + 1);
    await this.#calls.register(entryOf(wanted, this.#lease, this.#dirtyAt), signal);
    this.#told = wanted;
  }

  async #look(wanted: Wanted, signal: AbortSignal): Promise<void> {
    let listed = await this.#read(signal);
    if (differs(listed, entryOf(wanted, this.#lease, this.#dirtyAt))) {
      const theirs = Number(listed["lastDirtyTimestamp"]);
      await this.#register(wanted, signal, Number.isFinite(theirs) ? theirs : 0);
      listed = await this.#read(signal);
    }
    await this.#settleStatus(wanted, String(listed["status"]), signal);
  }

  async #read(signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    const listed = await this.#calls.read(signal);
    if (listed !== undefined) return listed;
    this.#told = undefined;
    throw new SourceError("transient", "Eureka does not list what was just registered");
  }

  async #settleStatus({ status }: Wanted, listed: string, signal: AbortSignal): Promise<void> {
    const word = statusWord[status];
    if (word === "OUT_OF_SERVICE") {
      this.#isOwnOverride = true;
      if (listed !== word) await this.#calls.override(word, this.#dirtyAt, signal);
      return;
    }
    if (word === "UP" && listed !== word) {
      // Not its own: somebody took the instance out of service on purpose, and it is theirs to take back.
      if (!this.#isOwnOverride) return;
      await this.#calls.clearOverride(word, this.#dirtyAt, signal);
      const now = await this.#read(signal);
      // There was none: the server keeps the status of the lease before.
      if (now["status"] !== word) await this.#calls.override(word, this.#dirtyAt, signal);
    }
    this.#isOwnOverride = false;
  }
}
