import { backgroundErrors } from "./scenarios/background-errors.ts";
import { backoffContention } from "./scenarios/backoff-contention.ts";
import { capacity } from "./scenarios/capacity.ts";
import { coldStart } from "./scenarios/cold-start.ts";
import { deadDependency, deadDependency3Layers } from "./scenarios/dead-dependency.ts";
import { errors10, errors5 } from "./scenarios/errors.ts";
import { allDown, evenSpread, halfDown } from "./scenarios/even-spread.ts";
import { fastFailing, flaky30, permanentFailure, temporaryFailure } from "./scenarios/failures.ts";
import { fanOut100 } from "./scenarios/fan-out.ts";
import { flapping } from "./scenarios/flapping.ts";
import { globalSlowdown } from "./scenarios/global-slowdown.ts";
import { greyLatency } from "./scenarios/grey-latency.ts";
import { linkerd2016 } from "./scenarios/linkerd-2016.ts";
import { overloadRamp } from "./scenarios/overload-ramp.ts";
import { pausedProcess } from "./scenarios/paused-process.ts";
import { rollingDeploy } from "./scenarios/rolling-deploy.ts";
import { slowEndpoint } from "./scenarios/slow-endpoint.ts";
import { subsetting } from "./scenarios/subsetting.ts";
import { zoneOutage } from "./scenarios/zone-outage.ts";
import type { Study } from "./study.ts";

/** Every scenario of `pnpm sim`, in the order in which they run. */
export const studies: readonly Study[] = [
  linkerd2016,
  coldStart,
  slowEndpoint,
  temporaryFailure,
  permanentFailure,
  fastFailing,
  backgroundErrors,
  flaky30,
  greyLatency,
  rollingDeploy,
  subsetting,
  zoneOutage,
  capacity,
  evenSpread,
  halfDown,
  allDown,
  deadDependency,
  deadDependency3Layers,
  errors5,
  errors10,
  backoffContention,
  fanOut100,
  globalSlowdown,
  overloadRamp,
  flapping,
  pausedProcess,
];
