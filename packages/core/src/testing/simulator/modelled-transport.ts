import type { EndpointState } from "../../endpoints/endpoint-state.ts";
import type { ResolvedHealthCheck } from "../../endpoints/health-check/health-check-policy.ts";
import type { Attempt } from "../../transport/attempt.ts";
import type { AttemptRequest } from "../../transport/pools.ts";
import type { Transport } from "../../transport/transport.ts";
import type { ModelledServer } from "./modelled-server.ts";
import type { PausingClock } from "./pausing.ts";
import type { VirtualClock } from "./virtual-clock.ts";

const noBody: Record<string, string> = {};

export interface ModelledTransportOptions {
  readonly clock: VirtualClock;
  /** By the id of the endpoint. */
  readonly servers: ReadonlyMap<string, ModelledServer>;
  readonly probePath: string | undefined;
  readonly reportsLoad: boolean;
  /** Hears of each attempt on a server. */
  readonly onSend: (server: ModelledServer) => void;
  /** Of a process that stands still now and then. */
  readonly pausing?: PausingClock | undefined;
}

/** Carries attempts to modelled servers, and what becomes of them back, in the words that undici would use. */
export class ModelledTransport implements Transport {
  readonly #options: ModelledTransportOptions;

  constructor(options: ModelledTransportOptions) {
    this.#options = options;
  }

  send(attempt: Attempt, { path }: AttemptRequest): void {
    const { clock, onSend, pausing, probePath, reportsLoad, servers } = this.#options;
    const read = (then: () => void): void => {
      if (pausing === undefined) then();
      else pausing.read(then);
    };
    const server = servers.get(attempt.endpoint.id);
    if (server === undefined) throw new Error(`the scenario has no server ${attempt.endpoint.id}`);
    const exchange = new Exchange();
    if (path === probePath) {
      const { latencyMs } = server.load;
      const load = { "x-prequal-rif": String(server.inside), "x-prequal-latency-ms": String(latencyMs) };
      clock.at(
        clock.now() + 0.5,
        () => {
          read(() => {
            exchange.accepted(attempt);
            exchange.answered(attempt, 200, load);
          });
        },
        true,
      );
      return;
    }
    onSend(server);
    server.take({
      refused: () => {
        clock.settleNext();
        const error = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
        read(() => {
          attempt.onResponseError(null, error);
        });
      },
      accepted: () => {
        exchange.accepted(attempt);
      },
      answered: (status) => {
        // A retry goes on in promises.
        if (status >= 400) clock.settleNext();
        const headers = reportsLoad ? reportOf(server) : noBody;
        read(() => {
          exchange.answered(attempt, status, headers);
        });
      },
      reset: () => {
        clock.settleNext();
        const error = Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET" });
        read(() => {
          if (!exchange.aborted) attempt.onResponseError(null, error);
        });
      },
    });
  }

  /** As a health check would find it, without being counted among the attempts. */
  check(endpoint: EndpointState, _: ResolvedHealthCheck, signal: AbortSignal): Promise<string | undefined> {
    const { clock, pausing, servers } = this.#options;
    const server = servers.get(endpoint.id);
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => {
        reject(signal.reason);
      });
      const answer = server?.checked();
      if (answer === "silent") return;
      const read = (): void => {
        resolve(answer);
      };
      const answered = pausing === undefined ? read : (): void => pausing.read(read);
      clock.at(clock.now() + 1, answered, true);
    });
  }

  stats(): undefined {}

  disconnect(): void {}

  wasQueued(): boolean {
    return false;
  }

  evictIdle(): void {}

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** One request on the wire, as undici's controller has it. */
class Exchange {
  aborted = false;
  readonly paused = false;
  readonly reason = null;
  readonly rawHeaders = null;
  readonly rawTrailers = null;

  abort(): void {
    this.aborted = true;
  }

  pause(): void {}

  resume(): void {}

  accepted(attempt: Attempt): void {
    try {
      attempt.onRequestStart(this);
    } catch {
      // The attempt ended before its turn came.
      this.aborted = true;
    }
  }

  answered(attempt: Attempt, status: number, headers: Record<string, string>): void {
    if (this.aborted) return;
    attempt.onResponseStart(this, status, headers, "");
    attempt.onResponseEnd(this, {});
  }
}

function reportOf(server: ModelledServer): Record<string, string> {
  const { perSecond, utilisation } = server.load;
  return {
    "endpoint-load-metrics": `TEXT cpu_utilization=${utilisation.toFixed(4)},rps_fractional=${perSecond.toFixed(2)}`,
  };
}
