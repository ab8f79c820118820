/** Anything where something else belongs, as it comes from those who have no types. */
export function wrong(value: unknown): never {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- that is what it is for
  return value as never;
}
