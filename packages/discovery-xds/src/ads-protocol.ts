import type { Sliceable } from "@proxyless/core/discovery";

import type { DeltaDiscoveryRequest, DiscoveryRequest } from "./ads-messages.ts";
import type { Any } from "./basic-messages.ts";
import { resourceKinds, ResourceError } from "./resource-kind.ts";
import type { AnyKind, DecodeMemory } from "./resource-kind.ts";

/** A request of either variant. */
export type AdsRequest = DiscoveryRequest | DeltaDiscoveryRequest;

/** A good resource of a response. */
export interface Update {
  readonly name: string;
  /** Of the type that its kind decodes to. */
  readonly value: unknown;
  readonly version: string;
  /** It is to be forgotten unless it is heard of within so many milliseconds. */
  readonly ttlMs: number | undefined;
}

/** What a response brought. */
export interface Received {
  readonly kind: AnyKind;
  readonly version: string;
  readonly updates: readonly Update[];
  /** Resources that are as they were, and how long that holds. */
  readonly renewals: readonly { readonly name: string; readonly ttlMs: number | undefined }[];
  /** What was wrong with others; non-empty when `reply` refuses the response (NACK). */
  readonly failures: readonly ResourceError[];
  /** Resources that are gone. */
  readonly removed: readonly string[];
  /** What it does not name is as it was. */
  readonly confirmsRest: boolean;
  readonly reply: AdsRequest;
}

/**
 * One side of the conversation about resources, without the stream that carries it: what to ask, what to answer, what
 * came of it. It lives on through streams, and each stream begins with {@link begin}.
 */
export interface AdsProtocol<Response> {
  /**
   * The requests of a new stream: everything that is subscribed, nothing of the last stream's nonces. A server that is well
   * cannot keep silent on them: silence would not tell one that has nothing new to say from one that is stuck.
   * @param isSameServer whether it is the server of the last stream; another one's versions mean nothing to it
   */
  begin(isSameServer: boolean): readonly AdsRequest[];
  /** Wants a resource; {@link flush} says so. */
  subscribe(kind: AnyKind, name: string): void;
  /** Ends that. */
  unsubscribe(kind: AnyKind, name: string): void;
  /** The requests that tell an open stream what has been wanted, or no longer, since the last one. */
  flush(): readonly AdsRequest[];
  /**
   * Reads a response; `undefined` for a type that nobody asked for. Until it is read to its end nothing counts of it: it may be
   * left there, as long as it is told (`return`). One is read at a time.
   */
  receive(response: Response): Sliceable<Received | undefined>;
  /** The resource is taken for lost: what is known of its version no longer counts. */
  drop(kind: AnyKind, name: string): void;
}

const invalidArgument = 3;
const maxErrorLength = 2000;

/** Finds a kind by the URL of its type. */
export function kindOf(typeUrl: string): AnyKind | undefined {
  return resourceKinds.find((kind) => kind.typeUrl === typeUrl);
}

/** Decodes one resource of a kind; what it throws is a {@link ResourceError}. */
export function* decodeResource(
  kind: AnyKind,
  any: Any,
  memory: DecodeMemory,
): Sliceable<{ readonly name: string; readonly value: unknown }> {
  if (any.typeUrl !== kind.typeUrl) {
    throw new ResourceError(`a resource is of type ${any.typeUrl.slice(0, 200)}, not ${kind.typeUrl}`);
  }
  try {
    return yield* kind.decode(any.value, memory);
  } catch (error) {
    if (error instanceof ResourceError) throw error;
    throw new ResourceError(error instanceof Error ? error.message : String(error));
  }
}

/** Anything that was thrown while a resource was read, with the name that is known of it. */
export function toResourceError(error: unknown, name?: string): ResourceError {
  if (error instanceof ResourceError && (error.resource !== undefined || name === undefined)) return error;
  return new ResourceError(error instanceof Error ? error.message : String(error), name);
}

/** The `error_detail` of a refusal. */
export function errorDetail(failures: readonly ResourceError[]): {
  readonly code: number;
  readonly message: string;
} {
  const message = failures
    .map((failure) => `${failure.resource ?? "resource without a name"}: ${failure.message}`)
    .join("; ");
  return { code: invalidArgument, message: message.slice(0, maxErrorLength) };
}
