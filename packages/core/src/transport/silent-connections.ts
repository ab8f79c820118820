import type { Socket } from "node:net";

/** A connection that is silent for less is not given up, so that an endpoint that is slow is not connected to again and again. */
const MIN_SILENCE_MS = 1000;

/** What a connection had brought when it was last looked at, and since when it has brought nothing more. */
interface Heard {
  bytes: number;
  at: number;
}

/**
 * The HTTP/2 connections of a service, and when something last came on each. One that is dead without a sign (its host is
 * gone, a NAT forgot it, Node lost a write on it) takes every new call, and with HTTP/1.1's rule, by which a call that is
 * given up ends its connection, it would have been closed; HTTP/2 shares it, and nothing ever would. It is looked at now
 * and then, so that nothing is done per call: the time of silence is known to the second, and never too long.
 */
export class SilentConnections {
  readonly #heard = new Map<object, Map<Socket, Heard>>();

  /** A connection to an endpoint is open. */
  opened(endpoint: object, socket: Socket, now: number): void {
    const sockets = this.#heard.get(endpoint) ?? new Map<Socket, Heard>();
    this.#heard.set(endpoint, sockets.set(socket, { bytes: socket.bytesRead, at: now }));
    socket.once("close", () => {
      sockets.delete(socket);
      if (sockets.size === 0 && this.#heard.get(endpoint) === sockets) this.#heard.delete(endpoint);
    });
  }

  /** Looks at what came since the last time. */
  look(now: number): void {
    for (const sockets of this.#heard.values()) lookAt(sockets, now);
  }

  /** Whether a connection to an endpoint has brought nothing since `since`, and for a second at least. */
  isSilent(endpoint: object, since: number, now: number): boolean {
    const sockets = this.#heard.get(endpoint);
    if (sockets === undefined) return false;
    lookAt(sockets, now);
    return [...sockets.values()].some(({ at }) => at < since && now - at >= MIN_SILENCE_MS);
  }

  /** The connections to an endpoint are on their way out, and say nothing of those that follow. */
  forget(endpoint: object): void {
    this.#heard.delete(endpoint);
  }
}

function lookAt(sockets: ReadonlyMap<Socket, Heard>, now: number): void {
  for (const [socket, heard] of sockets) {
    const { bytesRead } = socket;
    if (bytesRead === heard.bytes) continue;
    heard.bytes = bytesRead;
    heard.at = now;
  }
}
