/** How the calls of each policy fared while there was trouble: the share that succeeded in time, in percent, by policy. */
export type Outcome = Readonly<Record<string, number>>;

/** Best first, as people read it. */
export function ranking(outcome: Outcome): readonly string[] {
  return Object.entries(outcome)
    .toSorted(([, a], [, b]) => b - a)
    .map(([policy, percent]) => `${policy} ${percent.toFixed(1)}`);
}

/**
 * The pairs of policies that two worlds rank differently. Less than `margin` percent points between two policies, in either
 * world, is a tie, and ties may be broken either way. Three times the margin in the first world must show in the second.
 */
export function contradictions(one: Outcome, other: Outcome, margin: number): readonly string[] {
  return pairsOf(one).flatMap(([a, b]) => {
    const expected = one[a]! - one[b]!;
    const found = other[a]! - other[b]!;
    const isTurned = expected >= margin && found <= -margin;
    const isLost = expected >= 3 * margin && found <= 0;
    return isTurned || isLost
      ? [`${a} is ${expected.toFixed(1)} points better than ${b}, and here ${found.toFixed(1)}`]
      : [];
  });
}

/** How many pairs of policies are told apart in both worlds. */
export function agreements(one: Outcome, other: Outcome, margin: number): number {
  return pairsOf(one).filter(([a, b]) => one[a]! - one[b]! >= margin && other[a]! - other[b]! >= margin)
    .length;
}

function pairsOf(outcome: Outcome): readonly (readonly [string, string])[] {
  const names = Object.keys(outcome);
  return names.flatMap((a) => names.filter((b) => b !== a).map((b) => [a, b] as const));
}
