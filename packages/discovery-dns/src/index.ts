export { dns } from "./source.ts";
export type { DnsFamily, DnsOptions, DnsRecord, DnsServiceOptions } from "./options.ts";
