import type { ProbeAnswer } from "../balancers/picker.ts";
import type { Clock } from "../clock.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import { Attempt } from "../transport/attempt.ts";
import type { ResolvedTransport } from "../transport/transport-options.ts";
import type { Transport } from "../transport/transport.ts";

const timeLimit = { kind: "attempt" } as const;

/** What is asked of an endpoint outside of any call. */
export interface ProbeRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Name, value, name, value… */
  readonly headers: readonly string[];
  readonly timeoutMs: number;
}

/** What a probe brought, whatever its status. */
export interface ProbeResponse extends ProbeAnswer {
  readonly status: number;
}

/**
 * Asks an endpoint something outside of any call, over the service's own connections: no statistics, no retries, no spans.
 * Rejects with what went wrong, or when no whole answer came in time.
 */
export function sendProbe(
  transport: Transport,
  options: ResolvedTransport,
  clock: Clock,
  endpoint: EndpointState,
  { headers, method, path, timeoutMs }: ProbeRequest,
): Promise<ProbeResponse> {
  return new Promise((resolve, reject) => {
    const owner = {
      attemptHead: (): void => {},
      attemptEnd: (attempt: Attempt): void => {
        const { chunks, failure, headers: answered, status } = attempt;
        if (failure !== undefined) {
          reject(failure instanceof Error ? failure : new Error("the probe failed", { cause: failure }));
          return;
        }
        resolve({ status, headers: answered, body: Buffer.concat(chunks ?? []).toString() });
      },
    };
    const attempt = new Attempt(owner, clock, 1, endpoint, clock.now(), true);
    endpoint.usedAt = clock.now();
    attempt.arm(timeoutMs, timeLimit);
    try {
      transport.send(attempt, {
        method,
        path,
        headers: ["host", options.host, ...headers],
        body: null,
        bodyTimeout: 0,
        servername: options.hostname,
      });
    } catch (error) {
      attempt.abort(error);
    }
  });
}
