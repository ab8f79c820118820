import { backgroundErrors } from "./scenarios/background-errors.ts";
import { capacity } from "./scenarios/capacity.ts";
import { coldStart } from "./scenarios/cold-start.ts";
import { allDown, evenSpread, halfDown } from "./scenarios/even-spread.ts";
import { fastFailing, flaky30, permanentFailure, temporaryFailure } from "./scenarios/failures.ts";
import { greyLatency } from "./scenarios/grey-latency.ts";
import { linkerd2016 } from "./scenarios/linkerd-2016.ts";
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
];
