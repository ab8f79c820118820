import { isIP } from "node:net";

import { isRecord, readHost, readPort } from "@proxyless/core/discovery";

import { readKratosDoor } from "./kratos-door.ts";
import type { KratosDoor } from "./kratos-door.ts";
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

/**
 * Picks host and port of an instance; `undefined` when it has none that is enabled, `ignored` when it is one that HTTP clients
 * cannot use, which is no mistake.
 */
export function readAddress(fields: Fields, choice: AddressChoice): InstanceAddress | "ignored" | undefined {
  const door = readKratosDoor(fields);
  if (door === "ignored") return door;
  return door === undefined ? readOwn(fields, choice) : chosen(door, choice);
}

/** What the instance of anybody else says. */
function readOwn(fields: Fields, choice: AddressChoice): InstanceAddress | undefined {
  const ip = readHost(fields["ipAddr"]);
  const name = readHost(fields["hostName"]);
  const host = choice.preferIp ? (ip ?? name) : (name ?? ip);
  const plain = readPortField(fields["port"], true);
  const secure = readPortField(fields["securePort"], false);
  const isSecure = choice.secure === "always" || (choice.secure === "auto" && secure.isEnabled);
  const used = isSecure ? secure : plain;
  if (host === undefined || used.number === undefined || !used.isEnabled) return undefined;
  const needsName = isSecure && isIP(host) !== 0 && name !== undefined && isIP(name) === 0;
  return {
    host,
    port: used.number,
    scheme: isSecure ? "https" : "http",
    serverName: needsName ? name : undefined,
  };
}

/** A door is plain or secure; the one that is not wanted does not exist. */
function chosen(door: KratosDoor, { secure }: AddressChoice): InstanceAddress | undefined {
  const unwanted = secure === "always" ? "http" : secure === "never" ? "https" : undefined;
  return door.scheme === unwanted ? undefined : { ...door, serverName: undefined };
}

/** `{ "$": 8080, "@enabled": "true" }`: the number may be text, the switch a boolean, and both missing; or a bare number. */
function readPortField(value: unknown, byDefault: boolean): PortField {
  const fields: Fields = isRecord(value) ? value : { $: value };
  const { $: raw, "@enabled": enabled } = fields;
  const word = typeof enabled === "string" ? enabled.toLowerCase() === "true" : enabled;
  const said = typeof word === "boolean" ? word : byDefault;
  return { number: readPort(raw), isEnabled: said };
}
