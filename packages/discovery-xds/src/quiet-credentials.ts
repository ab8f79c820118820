/* eslint-disable no-underscore-dangle -- what gRPC calls its way in for credentials */
import type { Socket } from "node:net";

import { ChannelCredentials } from "@grpc/grpc-js";
import type { experimental } from "@grpc/grpc-js";

type CreateConnector = ChannelCredentials["_createSecureConnector"];

/**
 * Credentials that hand on the socket of each connection, and take from it the power to keep the process alive: gRPC gives
 * it that power while a call is open, and the stream of a watch always is. gRPC's own way in for kinds of credentials is
 * the only place where the socket can be met.
 */
export class QuietCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials;
  readonly #onSocket: (socket: Socket) => void;

  constructor(inner: ChannelCredentials, onSocket: (socket: Socket) => void) {
    super();
    this.#inner = inner;
    this.#onSocket = onSocket;
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure();
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(...parameters: Parameters<CreateConnector>): experimental.SecureConnector {
    const connector = this.#inner._createSecureConnector(...parameters);
    return {
      connect: async (socket) => {
        this.#onSocket(socket);
        const result = await connector.connect(socket);
        for (const each of new Set([socket, result.socket])) {
          // gRPC takes it away itself when a connection is made, and is not to give it back with the first call.
          each.ref = () => each;
        }
        return result;
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => {
        connector.destroy();
      },
    };
  }
}
