import type { CircuitEngine } from "./circuit-policy.ts";
import { openNativeWindow } from "./native-window.ts";
import { openOpossumWindow } from "./opossum-window.ts";
import type { OpenWindow } from "./trip-window.ts";

const engines: Readonly<Record<CircuitEngine, OpenWindow>> = {
  opossum: openOpossumWindow,
  native: openNativeWindow,
};

/** Starts the window of the policy's engine. */
export const openTripWindow: OpenWindow = (policy, now, history) =>
  engines[policy.engine](policy, now, history);
