/** What a worker says. */
export type Said<T> = readonly [worker: string, value: T];

const maxNames = 3;

/** Names in words; empty where all agree. @param all how many there are */
export function whoOf(workers: readonly string[], all: number): string {
  if (workers.length === all) return "";
  const named = workers.slice(0, maxNames).join(", ");
  return workers.length > maxNames ? `${named} and ${workers.length - maxNames} more` : named;
}

/** Groups by a key, in the order of first appearance. */
export function grouped<T, K>(said: readonly Said<T>[], keyOf: (value: T) => K): ReadonlyMap<K, Said<T>[]> {
  const groups = new Map<K, Said<T>[]>();
  for (const one of said) {
    const key = keyOf(one[1]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return groups;
}

/** What all say; or each opinion with who has it. */
export function opinions(said: readonly Said<string | undefined>[]): string | undefined {
  const known = said.filter((one): one is Said<string> => one[1] !== undefined);
  if (known.length === 0) return undefined;
  return Array.from(
    grouped(known, (value) => value),
    ([value, who]) => {
      const names = whoOf(
        who.map(([worker]) => worker),
        said.length,
      );
      return names === "" ? value : `${value} (${names})`;
    },
  ).join("; ");
}

export function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

/** Weighted; the plain mean where nothing weighs anything; null of nothing. */
export function mean(values: readonly (readonly [value: number, weight: number])[]): number | null {
  if (values.length === 0) return null;
  const weights = sum(values.map(([, weight]) => weight));
  if (weights === 0) return sum(values.map(([value]) => value)) / values.length;
  return sum(values.map(([value, weight]) => value * weight)) / weights;
}
