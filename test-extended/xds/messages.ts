import { goldenMessages } from "../../packages/discovery-xds/test/support/golden.ts";

// The same messages as those whose bytes are kept with the package, so that the bytes are known to be Envoy's.
export const { clusterJson, clusterRead, endpointsJson, endpointsRead } = goldenMessages;
