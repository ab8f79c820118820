import type { Random } from "../../../random.ts";
import type { ResolvedAdaptiveConcurrency } from "./adaptive-concurrency-policy.ts";
import { AdaptiveLimit } from "./adaptive.ts";
import { AimdLimit } from "./aimd.ts";
import { Gradient2Limit } from "./gradient2.ts";
import type { LimitAlgorithm } from "./limit-algorithm.ts";
import { VegasLimit } from "./vegas.ts";

/** Starts the algorithm that a policy names, at a limit. */
export function limitAlgorithm(
  policy: ResolvedAdaptiveConcurrency,
  limit: number,
  random: Random,
): LimitAlgorithm {
  const { algorithm, maxLimit, minLimit, smoothing } = policy;
  switch (algorithm) {
    case "gradient2":
      return new Gradient2Limit(limit, minLimit, maxLimit, smoothing);
    case "vegas":
      return new VegasLimit(limit, minLimit, maxLimit, smoothing, random);
    case "aimd":
      return new AimdLimit(limit, minLimit, maxLimit);
    case "adaptive":
    default:
      return new AdaptiveLimit(limit, minLimit, maxLimit, random);
  }
}
