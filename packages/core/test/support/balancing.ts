import type { PickContext, Picker, PickerDeps } from "../../src/balancers/picker.ts";
import type { Endpoint } from "../../src/discovery/source.ts";
import { EndpointState } from "../../src/endpoints/endpoint-state.ts";
import { LoadTable } from "../../src/endpoints/load-table.ts";
import { seededRandom } from "../../src/random.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";

/** What pickers are built with, on a clock of its own and a seeded chance. */
export function pickerDeps(
  seed = 1,
  table: LoadTable = new LoadTable(),
): PickerDeps & { readonly clock: ManualClock } {
  return {
    table,
    random: seededRandom(seed),
    clock: new ManualClock(),
    probe: () => Promise.reject(new Error("nothing here answers probes")),
  };
}

/** `count` healthy endpoints `e0`, `e1`… at 10.0.0.1; `over` changes single ones. */
export function endpointStates(
  count: number,
  table: LoadTable,
  over: (index: number) => Partial<Endpoint> = () => ({}),
): EndpointState[] {
  return Array.from({ length: count }, (_, i) => {
    const spec: Endpoint = {
      id: `e${i}`,
      host: `10.0.${Math.floor(i / 60_000)}.1`,
      port: (i % 60_000) + 1,
      weight: 1,
      priority: 0,
      health: "healthy",
      metadata: {},
      ...over(i),
    };
    return new EndpointState(spec, table, 0);
  });
}

/** A pick at time 0, for `GET /` on its first attempt. */
export function pickContext(over: Partial<PickContext> = {}): PickContext {
  return {
    request: { method: "GET", path: "/", headers: [] },
    now: 0,
    tried: undefined,
    hashKey: undefined,
    ...over,
  };
}

/** The share of picks that each endpoint got, by id. */
export function sharesOf(
  picker: Picker,
  picks: number,
  context: PickContext = pickContext(),
): Map<string, number> {
  const shares = new Map<string, number>();
  for (let i = 0; i < picks; i++) {
    const { id } = picker.pick(context)!;
    shares.set(id, (shares.get(id) ?? 0) + 1 / picks);
  }
  return shares;
}
