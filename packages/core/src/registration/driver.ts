import type { RegistrationStatus, ResolvedInstance } from "./instance.ts";

/** What the registry shall say of an instance. */
export interface WantedEntry<I extends ResolvedInstance = ResolvedInstance> {
  /** As given, with later updates of weight, version and metadata. */
  readonly instance: I;
  /** The address others use. */
  readonly host: string;
  readonly status: RegistrationStatus;
  /** Why, for those who read the registry. */
  readonly note: string;
}

/** What a registry must be able to do to keep one instance. Every call may reject with a {@link SourceError}. */
export interface RegistrationDriver<I extends ResolvedInstance = ResolvedInstance> {
  /** How often {@link apply} is called while all is well, in milliseconds: a third of a lease, or how often to look. */
  readonly periodMs: number;
  /** Without a success for so long, in milliseconds, the registry may have given up on the instance. */
  readonly patienceMs: number;
  /** The statuses that it can say; all of them when absent. */
  readonly statuses?: readonly RegistrationStatus[];
  /**
   * Makes the registry's entry what it should be, whatever it is now: writes it, keeps it alive, verifies it. Calls never
   * overlap. The entry was lost in between, the session expired, the agent forgot it: all of that is found here.
   */
  apply(wanted: WantedEntry<I>, signal: AbortSignal): Promise<void>;
  /** Lists the instance as draining. @returns `false` where nothing is listed, so that nobody needs time to hear of it */
  drain(wanted: WantedEntry<I>, signal: AbortSignal): Promise<boolean>;
  /** Takes the entry out; one that is gone already is a success. */
  remove(wanted: WantedEntry<I>, signal: AbortSignal): Promise<void>;
  /** Lets go of every socket and timer. */
  close(): Promise<void> | void;
}
