import type { RegistrationDriver, RegistrationStatus, WantedEntry } from "@proxyless/core/discovery";

import type { RegistrationCalls } from "./registration-calls.ts";
import type { ResolvedNacosInstance } from "./registration-options.ts";

type Wanted = WantedEntry<ResolvedNacosInstance>;

/** How often somebody looks whether others see the instance as it was written, in milliseconds. */
const lookMs = 60_000;
/** An instance that is kept without beats is only looked at. */
const persistentLookMs = 10_000;

/** Keeps one instance in Nacos, with beats when it is ephemeral. */
export class NacosRegistrationDriver implements RegistrationDriver<ResolvedNacosInstance> {
  readonly periodMs: number;
  readonly patienceMs: number;
  readonly statuses: readonly RegistrationStatus[] = ["starting", "up", "down", "out-of-service"];
  readonly #calls: RegistrationCalls;
  readonly #onClose: () => void;
  readonly #roundsPerLook: number;
  /** What the server was told last; `undefined` until it took one. */
  #told: Wanted | undefined;
  #rounds = 0;
  /** How others saw it when it was written again. */
  #disputed: string | undefined;

  constructor(
    { ephemeral }: ResolvedNacosInstance,
    beatMs: number,
    calls: RegistrationCalls,
    onClose: () => void,
  ) {
    this.periodMs = ephemeral ? beatMs : persistentLookMs;
    this.patienceMs = this.periodMs * 3;
    this.#roundsPerLook = ephemeral ? Math.max(1, Math.round(lookMs / beatMs)) : 1;
    this.#calls = calls;
    this.#onClose = onClose;
  }

  async apply(wanted: Wanted, signal: AbortSignal): Promise<void> {
    const { instance, status } = wanted;
    const isSame = this.#told?.instance === instance && this.#told.status === status;
    const isOut = status === "out-of-service";
    // A beat would say that it is well; saying everything again keeps it alive too.
    const isWell = status === "up" || isOut;
    const isKnown = isSame && isWell && (!instance.ephemeral || (await this.#calls.beat(wanted, signal)));
    this.#rounds++;
    if (isKnown && this.#rounds % this.#roundsPerLook !== 0) return;
    // Lists leave those out that are disabled: what nobody can look at is written again.
    if (isKnown && !isOut && (await this.#isAsItShouldBe(wanted, signal))) return;
    await this.#calls.register(wanted, !isOut, isWell, signal);
    this.#told = wanted;
  }

  /** What stays as it is when it was written again is an operator's word, which counts for more in Nacos than ours. */
  async #isAsItShouldBe(wanted: Wanted, signal: AbortSignal): Promise<boolean> {
    const seen = await this.#calls.look(wanted, signal);
    const isSettled = seen === "same" || (seen !== "missing" && seen === this.#disputed);
    this.#disputed = seen === "same" ? undefined : seen;
    return isSettled;
  }

  async drain(wanted: Wanted, signal: AbortSignal): Promise<boolean> {
    if (this.#told === undefined) return false;
    await this.#calls.register(wanted, false, true, signal);
    return true;
  }

  async remove(wanted: Wanted, signal: AbortSignal): Promise<void> {
    await this.#calls.remove(wanted, signal);
  }

  close(): void {
    this.#onClose();
  }
}
