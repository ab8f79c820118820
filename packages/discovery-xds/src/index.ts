export { xds } from "./source.ts";
export type { XdsSource } from "./source.ts";
export type { XdsBootstrap, XdsOptions } from "./options.ts";
export { followXdsPolicies } from "./follow-policies.ts";
export type { FollowedPolicies, FollowXdsOptions } from "./follow-policies.ts";
export type { XdsClusterPolicy } from "./cluster-policies.ts";
export type { DropOverload } from "./load-assignment.ts";
