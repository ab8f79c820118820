import { emptyPicker, nextUntried } from "./picker.ts";
import type { Balancer } from "./picker.ts";

/** Takes any endpoint with equal chance, whatever its load. */
export const random: Balancer = {
  name: "random",
  build: (endpoints, deps) =>
    endpoints.length === 0
      ? emptyPicker
      : {
          pick(context, trace) {
            const draw = Math.floor(deps.random() * endpoints.length);
            const chosen =
              context.tried === undefined ? endpoints[draw] : nextUntried(endpoints, draw, context.tried);
            if (chosen !== undefined) trace?.push({ endpoint: chosen, cost: 0 });
            return chosen;
          },
        },
};
