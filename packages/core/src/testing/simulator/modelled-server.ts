import type { Random } from "../../random.ts";
import type { ServerModel, ServerPhase } from "./scenario.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** Hears what becomes of a request. */
export interface ServerClient {
  /** The connection was refused. */
  refused(): void;
  /** The server has the request. */
  accepted(): void;
  answered(status: number): void;
  /** The connection broke. */
  reset(): void;
}

/** Calls what stands behind a server, and tells the status of the answer. */
export type CallBehind = (answered: (status: number) => void) => void;

/** A server as the simulator knows it: workers, a queue, service times, and phases in which it misbehaves. */
export class ModelledServer {
  readonly model: ServerModel;
  /** Attempts that were sent to it. */
  sends = 0;
  /** Requests it has, in work and waiting. */
  inside = 0;
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #startsAt: () => number;
  readonly #waiting: (() => void)[] = [];
  #behind: CallBehind = (answered) => {
    answered(200);
  };
  #busy = 0;
  /** Busy workers on average over the last second or so, as any server would report it, and up to when. */
  #busyLately = 0;
  #busyUntil = 0;
  /** What its recent answers took, for its reports of load. */
  #recentMs = 0;
  #rate = 0;
  #ratedAt = 0;

  /** @param startsAt when the scenario begins */
  constructor(model: ServerModel, clock: VirtualClock, random: Random, startsAt: () => number) {
    this.model = model;
    this.#clock = clock;
    this.#random = random;
    this.#startsAt = startsAt;
  }

  /** From now on it calls others before it answers. */
  callsThrough(behind: CallBehind): void {
    this.#behind = behind;
  }

  take(client: ServerClient): void {
    this.sends++;
    const { queue = Infinity, serviceTime, workers = Infinity } = this.model;
    const phase = this.#phase();
    const random = this.#random;
    if (phase?.refuse === true) {
      this.#in(0.2, () => {
        client.refused();
      });
      return;
    }
    client.accepted();
    this.inside++;
    // Drawn for each request, whatever becomes of it: policies compared side by side then see the same times.
    const ms = serviceTime(random) * this.#factor(phase);
    const fate = random();
    const { failAfterMs = 1, failRatio = 0, failStatus = 500, hangRatio = 0, resetRatio = 0 } = phase ?? {};
    if (fate < hangRatio) return;
    const leave = (then: () => void): void => {
      this.inside--;
      then();
    };
    if (fate < hangRatio + resetRatio) {
      this.#in(failAfterMs, () => {
        leave(() => {
          client.reset();
        });
      });
      return;
    }
    if (fate < hangRatio + resetRatio + failRatio) {
      this.#in(failAfterMs, () => {
        leave(() => {
          client.answered(failStatus);
        });
      });
      return;
    }
    const arrivedAt = this.#clock.now();
    const begin = (): void => {
      this.#works(1);
      const end = (status: number): void => {
        this.#works(-1);
        this.#report(this.#clock.now() - arrivedAt);
        this.#waiting.shift()?.();
        leave(() => {
          client.answered(status);
        });
      };
      this.#in(ms, () => {
        this.#behind(end);
      });
    };
    if (this.#busy < workers) begin();
    else if (this.#waiting.length < queue) this.#waiting.push(begin);
    else {
      leave(() => {
        client.answered(503);
      });
    }
  }

  /** What a health check finds: what is wrong, `silent` where no answer comes, undefined where nothing is wrong. */
  checked(): string | undefined {
    const {
      failRatio = 0,
      failStatus = 500,
      hangRatio = 0,
      refuse = false,
      resetRatio = 0,
    } = this.#phase() ?? {};
    if (refuse) return "connect ECONNREFUSED";
    const fate = this.#random();
    if (fate < hangRatio) return "silent";
    if (fate < hangRatio + resetRatio) return "other side closed";
    return fate < hangRatio + resetRatio + failRatio ? `answered with ${failStatus}` : undefined;
  }

  /** What it says of its own load: busy workers by all of them, answers per second, what they take; over the last second. */
  get load(): { readonly utilisation: number; readonly perSecond: number; readonly latencyMs: number } {
    const { workers = 64 } = this.model;
    this.#works(0);
    return { utilisation: this.#busyLately / workers, perSecond: this.#rate, latencyMs: this.#recentMs };
  }

  /** Some workers more or fewer are busy from now on. */
  #works(more: number): void {
    const now = this.#clock.now();
    this.#busyLately += (1 - Math.exp((this.#busyUntil - now) / 1_000)) * (this.#busy - this.#busyLately);
    this.#busyUntil = now;
    this.#busy += more;
  }

  #report(tookMs: number): void {
    const now = this.#clock.now();
    this.#recentMs += 0.1 * (tookMs - this.#recentMs);
    const gap = Math.max(now - this.#ratedAt, 1e-6);
    this.#ratedAt = now;
    this.#rate += (1 - Math.exp(-gap / 1_000)) * (1_000 / gap - this.#rate);
  }

  #phase(): ServerPhase | undefined {
    const at = this.#clock.now() - this.#startsAt();
    return this.model.phases?.find(({ fromMs, toMs }) => at >= fromMs && at < toMs);
  }

  #factor(phase: ServerPhase | undefined): number {
    const factor = phase?.latencyFactor ?? 1;
    if (typeof factor === "number" || phase === undefined) return typeof factor === "number" ? factor : 1;
    const [from, to] = factor;
    const at = this.#clock.now() - this.#startsAt() - phase.fromMs;
    return from + ((to - from) * at) / (phase.toMs - phase.fromMs);
  }

  #in(ms: number, then: () => void): void {
    this.#clock.at(this.#clock.now() + ms, then);
  }
}
