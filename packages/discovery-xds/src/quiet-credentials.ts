/* eslint-disable no-underscore-dangle -- what gRPC calls its way in for credentials */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

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
        const result = await connector.connect(this._isSecure() ? watched(socket) : socket);
        for (const each of new Set([socket, result.socket])) {
          // gRPC takes it away itself when a connection is made, and is not to give it back with the first call.
          each.unref();
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

/**
 * A socket that is read and written by its own code, below TLS. Where TLS uses the connection itself and that is reset during a
 * write, Node loses the write: it neither fails nor ends, and HTTP/2 waits for it before it reads again
 * (nodejs/node#61304). Only a ping without an answer would tell, much later. Here the socket fails, and all above it.
 */
function watched(socket: Socket): Socket {
  const stream = Duplex.from({ readable: socket, writable: socket });
  // An end that nobody answers would leave the stream half open.
  socket.once("close", () => stream.destroy());
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- TLS takes any duplex stream; only gRPC's types say more
  return stream as Socket;
}
