export { createDashboard } from "./dashboard.ts";
export type { Dashboard } from "./dashboard.ts";
export type { ExpressDoor, FastifyDoor, FastifyLike } from "./doors.ts";
export type { Feed, FeedSource } from "./feed.ts";
export type { DashboardOptions } from "./options.ts";
