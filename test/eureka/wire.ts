import type { Listed } from "./lease-registry.ts";
import { Refusal } from "./refusal.ts";

const statuses = ["UP", "DOWN", "STARTING", "OUT_OF_SERVICE", "UNKNOWN"] as const;
export type Status = (typeof statuses)[number];

type Fields = Readonly<Record<string, unknown>>;

/** What a registration says, checked, and all of it as it came. */
export interface InstanceFields {
  readonly app: string;
  readonly instanceId: string;
  readonly status: Status;
  readonly overriddenStatus: Status;
  readonly durationInSecs: number;
  readonly renewalIntervalInSecs: number;
  readonly lastDirtyTimestamp: number;
  readonly vips: readonly string[];
  readonly secureVips: readonly string[];
  readonly raw: Fields;
}

/** How a server writes: as its present serialiser does, or as the one before, for which a list of one is no list. */
export type WireStyle = "jackson" | "xstream";

/** Reads the body of a registration, and refuses whatever is not as documented. */
export function readRegistration(body: string, app: string): InstanceFields {
  const outer = parse(body);
  const raw = field(outer, "instance");
  if (!isFields(raw)) throw new Refusal(400, "the body is no { instance }");
  if (Object.keys(isFields(outer) ? outer : {}).length !== 1)
    throw new Refusal(400, "more than { instance }");
  const name = text(raw, "app");
  if (name.toUpperCase() !== app || app !== app.toUpperCase()) {
    throw new Refusal(400, `Mismatched appName, expecting ${app} but was ${name}`);
  }
  const hostName = text(raw, "hostName");
  text(raw, "ipAddr");
  port(raw, "port");
  if (raw["securePort"] !== undefined) port(raw, "securePort");
  center(raw);
  metadata(raw["metadata"]);
  const lease = isFields(raw["leaseInfo"]) ? raw["leaseInfo"] : {};
  const override = optional(raw, "overriddenStatus") ?? optional(raw, "overriddenstatus") ?? "UNKNOWN";
  return {
    app,
    instanceId: optional(raw, "instanceId") ?? hostName,
    status: readStatus(raw["status"]),
    overriddenStatus: readStatus(override),
    durationInSecs: seconds(lease, "durationInSecs", 90),
    renewalIntervalInSecs: seconds(lease, "renewalIntervalInSecs", 30),
    lastDirtyTimestamp: timestamp(raw["lastDirtyTimestamp"]),
    vips: vipsOf(raw["vipAddress"]),
    secureVips: vipsOf(raw["secureVipAddress"]),
    raw,
  };
}

export function readStatus(value: unknown): Status {
  const found = statuses.find((status) => status === value);
  if (found === undefined) throw new Refusal(400, `no status: ${String(value)}`);
  return found;
}

/** An instance as the server writes it. */
export function renderInstance(listed: Listed, style: WireStyle): Fields {
  const { raw } = listed.fields;
  const own = isFields(raw["metadata"]) ? raw["metadata"] : {};
  const isEmpty = Object.keys(own).filter((key) => key !== "@class").length === 0;
  return {
    instanceId: listed.fields.instanceId,
    hostName: raw["hostName"],
    app: listed.fields.app,
    ipAddr: raw["ipAddr"],
    status: listed.status,
    [style === "jackson" ? "overriddenStatus" : "overriddenstatus"]: listed.override,
    port: renderPort(raw["port"], true, style),
    securePort: renderPort(raw["securePort"] ?? { $: 443 }, false, style),
    countryId: 1,
    dataCenterInfo: raw["dataCenterInfo"],
    leaseInfo: {
      renewalIntervalInSecs: listed.fields.renewalIntervalInSecs,
      durationInSecs: listed.fields.durationInSecs,
      registrationTimestamp: listed.registeredAt,
      lastRenewalTimestamp: listed.registeredAt,
      evictionTimestamp: 0,
      serviceUpTimestamp: listed.registeredAt,
    },
    metadata: isEmpty ? { "@class": "java.util.Collections$EmptyMap" } : own,
    ...given(raw, "homePageUrl", "statusPageUrl", "healthCheckUrl", "vipAddress", "secureVipAddress"),
    isCoordinatingDiscoveryServer: "false",
    lastUpdatedTimestamp: String(listed.lastUpdatedTimestamp),
    lastDirtyTimestamp: String(listed.dirtyAt),
    actionType: listed.action,
  };
}

/** One application, as it stands in a list of them. */
export function renderApp(name: string, instances: readonly Listed[], style: WireStyle): Fields {
  return {
    name,
    instance: listOf(
      instances.map((each) => renderInstance(each, style)),
      style,
    ),
  };
}

/** A list of applications with its hash code. */
export function renderApps(
  apps: ReadonlyMap<string, readonly Listed[]>,
  hashCode: string,
  style: WireStyle,
): Fields {
  const rendered = [...apps].map(([name, instances]) => renderApp(name, instances, style));
  return {
    applications: {
      versions__delta: "1",
      apps__hashcode: hashCode,
      // The older serialiser leaves an empty list out.
      ...(rendered.length === 0 && style === "xstream" ? {} : { application: listOf(rendered, style) }),
    },
  };
}

/** Of the fields that an instance may have those that it has. */
function given(raw: Fields, ...keys: readonly string[]): Fields {
  return Object.fromEntries(keys.flatMap((key) => (raw[key] === undefined ? [] : [[key, raw[key]]])));
}

function listOf(values: readonly Fields[], style: WireStyle): unknown {
  return style === "xstream" && values.length === 1 ? values[0] : values;
}

function renderPort(value: unknown, byDefault: boolean, style: WireStyle): Fields {
  const fields = isFields(value) ? value : {};
  const enabled = fields["@enabled"] ?? byDefault;
  const isEnabled = enabled === "true" || enabled === true;
  return { $: Number(fields["$"]), "@enabled": style === "jackson" ? String(isEnabled) : isEnabled };
}

function port(raw: Fields, key: string): void {
  const value = raw[key];
  const number = isFields(value) ? Number(value["$"]) : Number.NaN;
  if (!Number.isInteger(number) || number < 0 || number > 65_535) throw new Refusal(400, `no port: ${key}`);
  const enabled = isFields(value) ? value["@enabled"] : undefined;
  if (!["true", "false", true, false, undefined].some((each) => each === enabled)) {
    throw new Refusal(400, `${key}.@enabled is ${String(enabled)}`);
  }
}

function center(raw: Fields): void {
  const info = raw["dataCenterInfo"];
  if (!isFields(info)) throw new Refusal(400, "Missing dataCenterInfo");
  if (!["MyOwn", "Amazon", "Netflix"].includes(String(info["name"]))) {
    throw new Refusal(400, "Missing dataCenterInfo Name");
  }
  if (!String(info["@class"]).startsWith("com.netflix.appinfo.")) {
    throw new Refusal(400, "dataCenterInfo.@class is no class of Netflix");
  }
}

function metadata(value: unknown): void {
  if (value === undefined) return;
  if (!isFields(value) || Object.values(value).some((item) => typeof item !== "string")) {
    throw new Refusal(400, "metadata is no map of text");
  }
}

function seconds(lease: Fields, key: string, fallback: number): number {
  const value = lease[key] ?? fallback;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1) throw new Refusal(400, `no ${key}`);
  return value;
}

/** Clients of other kinds leave it out; then the server takes its own time. */
function timestamp(value: unknown): number {
  if (value === undefined) return Date.now();
  const number = Number(value);
  if (!/^\d{10,16}$/.test(String(number))) throw new Refusal(400, "no lastDirtyTimestamp");
  return number;
}

function vipsOf(value: unknown): readonly string[] {
  return typeof value === "string" ? value.split(",") : [];
}

function text(raw: Fields, key: string): string {
  const value = raw[key];
  if (typeof value !== "string" || value === "") throw new Refusal(400, `Missing ${key}`);
  return value;
}

function optional(raw: Fields, key: string): string | undefined {
  return raw[key] === undefined ? undefined : text(raw, key);
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new Refusal(400, "the body is no JSON");
  }
}

function field(value: unknown, key: string): unknown {
  return isFields(value) ? value[key] : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
