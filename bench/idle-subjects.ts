import { createMesh, memorySource } from "@proxyless/core";
import { ConsecutiveBreaker, circuitBreaker, handleAll } from "cockatiel";
import CircuitBreaker from "opossum";

/** What is kept many times over and left alone; `nothing` shows what a process costs by itself. */
export type SubjectName = "mesh" | "opossum" | "cockatiel" | "nothing";

/** Something that lives until it is closed. */
export interface Subject {
  /** Keeps it from being collected. */
  readonly held: unknown;
  readonly close: () => void | Promise<void>;
}

const open: Readonly<Record<SubjectName, (count: number) => Subject | Promise<Subject>>> = {
  mesh: async (count) => {
    const mesh = createMesh({ discovery: memorySource({ orders: instances(count) }) });
    await mesh.ready("orders");
    return { held: mesh, close: () => mesh.close() };
  },
  opossum: (count) => {
    const breakers = Array.from({ length: count }, () => new CircuitBreaker(() => Promise.resolve()));
    return {
      held: breakers,
      close: () => {
        for (const breaker of breakers) breaker.shutdown();
      },
    };
  },
  cockatiel: (count) => {
    const policy = (): unknown =>
      circuitBreaker(handleAll, { halfOpenAfter: 10_000, breaker: new ConsecutiveBreaker(5) });
    return { held: Array.from({ length: count }, policy), close: () => {} };
  },
  nothing: () => ({ held: undefined, close: () => {} }),
};

/** Makes `count` of them: endpoints of one service, or circuit breakers, each with its defaults. */
export async function openSubject(name: SubjectName, count: number): Promise<Subject> {
  return open[name](count);
}

/** Endpoints as a registry with zones has them. */
function instances(
  count: number,
): { id: string; host: string; port: number; version: string; locality: { zone: string } }[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `orders-${i}`,
    host: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
    port: 8080,
    version: "1.4.2",
    locality: { zone: `zone-${i % 3}` },
  }));
}
