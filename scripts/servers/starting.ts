const startAttempts = 4;

/** Hands on the error of a start that failed, after ending what had begun. */
export async function startedOrStopped<T>(
  servers: readonly { stop(): Promise<void> }[],
  start: () => Promise<T>,
): Promise<T> {
  try {
    return await start();
  } catch (error) {
    await Promise.all(servers.map((server) => server.stop()));
    throw error;
  }
}

/**
 * A port that was free a moment ago may be taken by another process: tries again with others.
 * @param portTaken how a server says so
 */
export async function retried<T>(
  start: () => Promise<T>,
  portTaken: RegExp = /address already in use/i,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      // eslint-disable-next-line no-await-in-loop -- an attempt depends on the last one's failure
      return await start();
    } catch (error) {
      const isPortTaken = error instanceof Error && portTaken.test(error.message);
      if (!isPortTaken || attempt === startAttempts) throw error;
    }
  }
}
