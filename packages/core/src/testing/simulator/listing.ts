import type { EndpointInput } from "../../discovery/endpoint-input.ts";
import type { memorySource } from "../../discovery/memory-source.ts";
import type { ServerModel } from "./scenario.ts";
import type { VirtualClock } from "./virtual-clock.ts";

type MemorySource = ReturnType<typeof memorySource>;

/** Tells discovery of the servers that are there when the scenario begins. */
export function listAtStart(source: MemorySource, service: string, models: readonly ServerModel[]): void {
  source.set(
    service,
    models.filter((model) => isPresent(model)).map((model) => endpointOf(model)),
  );
}

/** Has servers come and go as the scenario says. */
export function listLater(
  source: MemorySource,
  service: string,
  models: readonly ServerModel[],
  clock: VirtualClock,
  startsAt: number,
): void {
  for (const model of models) {
    for (const [fromMs, toMs] of model.present ?? []) {
      if (fromMs > 0) {
        clock.at(
          startsAt + fromMs,
          () => {
            source.add(service, endpointOf(model));
          },
          true,
        );
      }
      if (toMs < Infinity) {
        clock.at(
          startsAt + toMs,
          () => {
            source.remove(service, model.id);
          },
          true,
        );
      }
    }
  }
}

function isPresent({ present }: ServerModel): boolean {
  return present === undefined || present.some(([from, to]) => from <= 0 && to > 0);
}

function endpointOf({ id, locality, metadata = {}, priority = 0, weight = 1 }: ServerModel): EndpointInput {
  return {
    id,
    host: `${id.replaceAll(/[^A-Za-z0-9-]/g, "-")}.simulated`,
    port: 80,
    weight,
    priority,
    metadata,
    ...(locality === undefined ? undefined : { locality }),
  };
}
