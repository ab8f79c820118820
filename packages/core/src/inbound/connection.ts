/** A connection, as far as its end is concerned. */
export interface Connection {
  once(event: "close", listener: () => void): unknown;
}

/** What waits for the end of each connection. One listener serves a connection, however many requests are on it. */
const waiting = new WeakMap<object, Set<() => void>>();

/**
 * Calls `listener` when a connection closes.
 * @returns takes the listener back
 */
export function onClosed(connection: Connection, listener: () => void): () => void {
  let listeners = waiting.get(connection);
  if (listeners === undefined) {
    const fresh = new Set<() => void>();
    listeners = fresh;
    waiting.set(connection, fresh);
    connection.once("close", () => {
      for (const one of fresh) one();
      fresh.clear();
    });
  }
  const all = listeners;
  all.add(listener);
  return () => {
    all.delete(listener);
  };
}
