import type { MeshEventOf } from "@proxyless/core";

/** A call that is over, as a line of the access log knows it. */
export interface LoggedCall {
  readonly event: MeshEventOf<"call.completed">;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** What a command has to say of a call; undefined where the mesh does not know it. */
export type Reader = (call: LoggedCall) => string | number | undefined;
