import type { Clock } from "@proxyless/core";
import type { RegistryTls } from "@proxyless/core/discovery";

import type { ServerAddress } from "./addresses.ts";
import type { ConnectRequest, WatchEvent } from "./protocol.ts";

/** What a connection is made of. */
export interface LinkOptions {
  readonly server: ServerAddress;
  readonly tls: RegistryTls | undefined;
  readonly hello: ConnectRequest;
  readonly clock: Clock;
  /** How long connecting and the answer to `hello` may take together, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** How long any answer may take, in milliseconds. */
  readonly requestTimeoutMs: number;
  readonly maxFrameBytes: number;
  /** Whether an unanswered request keeps the process alive. */
  readonly isForeground: boolean;
  readonly onEvent: (event: WatchEvent) => void;
  /** The server answered a ping: the session lives, and its watches with it. */
  readonly onPong: () => void;
}
