import type { Socket } from "node:net";

/** Makes two connections one: what comes on either goes out on the other, and they end together. */
export function joined(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to);
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
  }
}
