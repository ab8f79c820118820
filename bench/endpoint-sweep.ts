import { openBusyMesh } from "./busy-mesh.ts";
import { median } from "./statistics.ts";
import { watchTurns } from "./turns.ts";

/** Sweeps come once a second; a little longer than that has one in it. */
const windowMs = 1_050;
/** Calls to each endpoint in a window. */
const callsEach = 5;
/** Few enough for their turn to be short. */
const callsPerTurn = 20;

/**
 * The longest turn of the event loop, in milliseconds, while the mesh looks after `count` endpoints that are all in use:
 * that of the best round, then the median of all rounds.
 */
export async function measureSweep(count: number, rounds: number): Promise<readonly number[]> {
  const { call, mesh } = await openBusyMesh(count);
  call(10 * count);
  const longest: number[] = [];
  // The first window is still that of the start.
  for (let round = 0; round <= rounds; round++) {
    const watched = watchTurns(windowMs);
    let left = callsEach * count;
    const turn = (): void => {
      call(callsPerTurn);
      left -= callsPerTurn;
      if (left > 0) setImmediate(turn);
    };
    turn();
    const { longestMs } = await watched;
    if (round > 0) longest.push(longestMs);
  }
  await mesh.close();
  return [Math.min(...longest), median(longest)];
}
