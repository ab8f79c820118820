import type { ServiceOptions } from "../../packages/core/src/index.ts";

/** Where the modelled servers tell their load, in the scenarios that have it. */
export const probePath = "/load";

/** Retries and circuits are off, so that it is the balancer and the ejection that act. */
const alone = { retry: false, circuit: false } as const satisfies ServiceOptions;
/** The balancer by itself. */
const bare = { ...alone, outlierDetection: false } as const satisfies ServiceOptions;

/**
 * What can be compared, by name: options of a service and nothing else. Scenarios about failures that must not reach users lay
 * retries over them.
 */
export const policies: Readonly<Record<string, ServiceOptions>> = {
  "round-robin": { ...bare, balancer: "round-robin" },
  random: { ...bare, balancer: "random" },
  "least-request": { ...bare, balancer: "least-request" },
  "least-request-all": { ...bare, balancer: { type: "least-request", choices: "all" } },
  "least-response-time": { ...bare, balancer: "least-response-time" },
  "peak-ewma": { ...bare, balancer: "peak-ewma" },
  "client-side-weighted-round-robin": { ...bare, balancer: "client-side-weighted-round-robin" },
  prequal: { ...bare, balancer: { type: "prequal", probePath } },
  default: bare,
  "default+ejection": alone,
  "default+hedge": { ...alone, hedge: {} },
  "default+hedge-10ms": { ...alone, hedge: { delayMs: 10 } },
  "least-request+hedge": { ...bare, balancer: "least-request", hedge: {} },
  "least-request+adaptive": { ...bare, balancer: "least-request", adaptiveConcurrency: {} },
  "default+adaptive": { ...alone, adaptiveConcurrency: {} },
  "default+retry": { circuit: false },
  "all-defaults": {},
  "all-defaults+hedge": { hedge: {} },
  "full-jitter": { retry: { jitter: "full" }, circuit: false },
  "equal-jitter": { retry: { jitter: "equal" }, circuit: false },
  "decorrelated-jitter": { retry: { jitter: "decorrelated" }, circuit: false },
  "no-jitter": { retry: { jitter: "none" }, circuit: false },
  rendezvous: { ...bare, balancer: "round-robin", subset: { type: "rendezvous", size: 20 } },
  aperture: { ...bare, balancer: "round-robin", subset: { type: "aperture", size: 20 } },
};

/** @throws Error for a name that is not in the table */
export function optionsOf(name: string): ServiceOptions {
  const found = policies[name];
  if (found === undefined) {
    throw new Error(
      `there is no policy ${JSON.stringify(name)}; there are ${Object.keys(policies).join(", ")}`,
    );
  }
  return found;
}
