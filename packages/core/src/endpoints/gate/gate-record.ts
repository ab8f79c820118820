/** Why an endpoint may not be picked. */
export interface GateReason {
  readonly kind: GateReasonKind;
  /** In words, with numbers: `ejected for 30 s: 5 consecutive 5xx`. */
  readonly text: string;
  /** When it ends by itself, in milliseconds from now; undefined when something else has to happen. */
  readonly endsInMs?: number;
}

export type GateReasonKind =
  | "draining"
  | "unhealthy"
  | "starting"
  | "weight 0"
  | "health check"
  | "ejected"
  | "probing"
  | "retry-after"
  | "warming up"
  | "worse priority"
  | "too few healthy"
  | "other zone"
  | "not in subset"
  | "other subset";

/** What active health checks say of an endpoint; undefined where none was made. */
export type ActiveHealth = "healthy" | "unhealthy" | undefined;

/** What is kept of an endpoint that has been ejected; of very many endpoints few ever are. */
export class EjectionRecord {
  /** Why it was ejected. */
  cause = "";
  /** It was for being slow: its probes must be quick as well. */
  wasSlow = false;
  /** How long the ejection was to be. */
  ejectionMs = 0;
  /** When it ends. */
  openUntil = 0;
  /** When the last one ended. */
  returnedAt = 0;
  /** A health check ended one of its ejections in a row. */
  wasVouchedFor = false;
  /** Somebody may look ahead of time whether it is well again: it failed plainly, and this is no relapse. */
  mayLook = false;
  /** Not before then. */
  lookAt = 0;
  /** Its probe is such a look. */
  isLook = false;
  probesInFlight = 0;
  /** When the last probe that is in flight is given up as lost. */
  leaseUntil = 0;
  nextProbeAt = 0;
  probeSuccesses = 0;
  probeFailures = 0;
  /** Probes that went well, but slowly. */
  probesSlow = 0;
  /** Probes that were answered with 4xx. */
  probesRefused = 0;
}

/**
 * Everything that can keep an endpoint from being picked, in one record, so that no two mechanisms can wait for each other.
 * Only the gate writes it. The circuit opens with an ejection, is half-open while probes are out, and closed otherwise.
 */
export class GateRecord {
  /** It is one that this process may send calls to: of its subset, and not leaving. */
  isUsed = false;
  activeHealth: ActiveHealth = undefined;
  activeDetail = "";
  circuit: "closed" | "open" | "half-open" = "closed";
  /** Counts changes of the circuit: the result of an attempt that began under another number is counted nowhere. */
  generation = 0;
  /** Ejections in a row; what the next one is multiplied by, less one. */
  ejections = 0;
  #ejection: EjectionRecord | undefined;
  /** It asked to be left alone until then; 0 when it did not. */
  penaltyUntil = 0;
  /** It asked to be left alone until then, which was reported and not followed. */
  unheededUntil = 0;
  /** Its connections are being opened. */
  warming = false;
  /** When it began to warm up by little traffic; -1 when it does not. */
  rampingSince = -1;
  /** Requests since then. */
  rampingRequests = 0;

  /** Its last ejection; made when it is first asked for. */
  get ejection(): EjectionRecord {
    return (this.#ejection ??= new EjectionRecord());
  }
}
