import { rounded, shareSteps } from "@proxyless/dashboard/feed";
import type { EndpointFigures, EndpointState, Reason } from "@proxyless/dashboard/feed";

import { grouped, mean, sum, whoOf } from "./agreement.ts";
import type { Said } from "./agreement.ts";

/**
 * One endpoint as several workers see it.
 * @param attemptsOf the attempts of a worker that its share is of
 */
export function mergeEndpoint(
  said: readonly Said<EndpointState>[],
  attemptsOf: ReadonlyMap<string, number>,
): EndpointState {
  const [first] = said;
  if (first === undefined) throw new TypeError("nobody knows the endpoint");
  return { about: first[1].about, gate: mergeGates(said), figures: mergeFigures(said, attemptsOf) };
}

/** Who closes it, and why. Where others leave it open it is closed in part, and the reason says so. */
function mergeGates(said: readonly Said<EndpointState>[]): readonly Reason[] {
  const reasons = said.flatMap(([worker, { gate }]) => gate.map((reason): Said<Reason> => [worker, reason]));
  const closing = said.filter(([, { gate }]) => gate.length > 0).length;
  const isInPart = closing < said.length;
  return Array.from(
    grouped(reasons, ({ kind }) => kind),
    ([kind, who]): Reason => {
      const names = whoOf(
        who.map(([worker]) => worker),
        said.length,
      );
      const [, { text }] = who[0]!;
      const ends = who.flatMap(([, { endsInMs }]) => (endsInMs === undefined ? [] : [endsInMs]));
      return {
        kind: isInPart ? `${kind} by ${who.length} of ${said.length}` : kind,
        text: names === "" ? text : `${text} (${names})`,
        ...(ends.length > 0 && { endsInMs: Math.max(...ends) }),
      };
    },
  );
}

function mergeFigures(
  said: readonly Said<EndpointState>[],
  attemptsOf: ReadonlyMap<string, number>,
): EndpointFigures {
  const attempts = said.map(([worker, { figures }]) => figures[4] * (attemptsOf.get(worker) ?? 0));
  const all = sum([...attemptsOf.values()]);
  const meanOf = (at: 0 | 2 | 3 | 5, steps: number): number | null => {
    const known = said.flatMap(([, { figures }], i): [number, number][] => {
      const value = figures[at];
      return value === null ? [] : [[value, attempts[i]!]];
    });
    const value = mean(known);
    return value === null ? null : rounded(value, steps);
  };
  return [
    meanOf(0, 1e3) ?? 0,
    sum(said.map(([, { figures }]) => figures[1])),
    meanOf(2, 100),
    meanOf(3, 100) ?? 0,
    all === 0 ? 0 : rounded(sum(attempts) / all, shareSteps),
    meanOf(5, 10),
  ];
}
