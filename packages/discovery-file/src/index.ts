export { file } from "./source.ts";
export type { FileOptions } from "./options.ts";
