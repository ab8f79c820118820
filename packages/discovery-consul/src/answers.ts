import type { Clock, Snapshot } from "@proxyless/core";
import type { RegistryResponse } from "@proxyless/core/discovery";

import type { ConsulHttp, ConsulRequest } from "./consul-http.ts";

/** An answer, taken at its word. */
export interface Answer {
  readonly snapshot: Snapshot;
  /** Some of the nodes that instances run on. */
  readonly nodes: readonly string[];
}

/** The answers to one question, one after the other, and which of them was the last that counted. */
export interface Answers {
  /** Asks; whatever the status, this is the answer that the others speak of. Rejects like {@link ConsulHttp.send}. */
  fetch(
    http: ConsulHttp,
    request: ConsulRequest,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<RegistryResponse>;
  /** How long it is, in bytes. */
  readonly bytes: number;
  /** Whether it lists the same as the one that was kept. */
  readonly isRepeated: boolean;
  /** @throws SourceError of class `data` for what makes no sense */
  read(): Answer;
  /** It counts: the next one is held against it. */
  keep(): void;
}
