import { isIP } from "node:net";

import { isRecord, readHost, readPort } from "@proxyless/core/discovery";

import type { EurekaSecure } from "./options.ts";

/** Where an instance is reached. */
export interface InstanceAddress {
  readonly host: string;
  readonly port: number;
  readonly scheme: "http" | "https";
  /** The instance's host name, where TLS has to verify that instead of an IP address. */
  readonly serverName: string | undefined;
}

/** How addresses are chosen. */
export interface AddressChoice {
  readonly preferIp: boolean;
  readonly secure: EurekaSecure;
}

type Fields = Readonly<Record<string, unknown>>;

interface PortField {
  readonly number: number | undefined;
  readonly isEnabled: boolean;
}

/** Picks host and port of an instance; `undefined` when it has none that is enabled. */
export function readAddress(fields: Fields, choice: AddressChoice): InstanceAddress | undefined {
  const ip = readHost(fields["ipAddr"]);
  const name = readHost(fields["hostName"]);
  const host = choice.preferIp ? (ip ?? name) : (name ?? ip);
  const plain = readPortField(fields["port"], true);
  const secure = readPortField(fields["securePort"], false);
  const isSecure = choice.secure === "always" || (choice.secure === "auto" && secure.isEnabled);
  const chosen = isSecure ? secure : plain;
  if (host === undefined || chosen.number === undefined || !chosen.isEnabled) return undefined;
  const needsName = isSecure && isIP(host) !== 0 && name !== undefined && isIP(name) === 0;
  return {
    host,
    port: chosen.number,
    scheme: isSecure ? "https" : "http",
    serverName: needsName ? name : undefined,
  };
}

/** `{ "$": 8080, "@enabled": "true" }`: the number may be text, the switch a boolean, and both missing; or a bare number. */
function readPortField(value: unknown, byDefault: boolean): PortField {
  const fields: Fields = isRecord(value) ? value : { $: value };
  const { $: raw, "@enabled": enabled } = fields;
  const word = typeof enabled === "string" ? enabled.toLowerCase() === "true" : enabled;
  const said = typeof word === "boolean" ? word : byDefault;
  return { number: readPort(raw), isEnabled: said };
}
