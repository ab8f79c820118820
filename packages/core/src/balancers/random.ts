import type { BalancerKind } from "./kind.ts";
import { emptyPicker, nextUsable } from "./picker.ts";
import type { Balancer } from "./picker.ts";

/** Any endpoint with equal chance, whatever its load or weight. */
export interface RandomPolicy {
  readonly type: "random";
}

export const random: BalancerKind = { name: "random", keys: [], create: () => balancer };

const balancer: Balancer = {
  name: "random",
  build: (endpoints, deps) =>
    endpoints.length === 0
      ? emptyPicker
      : {
          pick(context, trace) {
            const draw = Math.floor(deps.random() * endpoints.length);
            const chosen =
              context.tried === undefined && deps.table.troubled === 0
                ? endpoints[draw]
                : nextUsable(endpoints, draw, context.tried, deps.table);
            if (chosen !== undefined) trace?.push({ endpoint: chosen, cost: 0 });
            return chosen;
          },
        },
};
