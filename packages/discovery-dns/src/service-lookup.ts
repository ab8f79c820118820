import type { Endpoint } from "@proxyless/core";
import { SourceError, toSourceError } from "@proxyless/core/discovery";

import { HostLookup } from "./host-lookup.ts";
import type { HostAddresses } from "./host-lookup.ts";
import { mapLimit } from "./map-limit.ts";
import type { ServiceSettings, Settings } from "./options.ts";
import { RecordStore } from "./record-store.ts";
import type { Round } from "./record-store.ts";
import type { Resolver } from "./resolver.ts";
import { candidatesOf, nameOf } from "./service-name.ts";
import { addressEndpoints, srvEndpoints, targetId } from "./to-endpoints.ts";
import type { Placed, SrvRecord } from "./to-endpoints.ts";

/** What DNS says of a service. */
export interface Finding {
  readonly exists: boolean;
  readonly endpoints: readonly Endpoint[];
  /** Records that give no endpoint. */
  readonly skipped: number;
  /** The service is said to be decidedly not available (an SRV target of "."). */
  readonly isExplicit: boolean;
  /** When to ask again, on the clock. */
  readonly until: number;
  /** Why a part of it is what was known before, or is missing. */
  readonly problem: SourceError | undefined;
  /** Beginnings of the ids of endpoints at targets that were never answered for. */
  readonly unheard: readonly string[];
}

/** Targets of one service whose addresses are asked for at the same time. */
const targetsAtOnce = 16;

/** Looks one service up, again and again: under its name or in a search domain, by SRV or by address. */
export class ServiceLookup {
  readonly #own: ServiceSettings;
  readonly #service: string;
  readonly #store: RecordStore;
  readonly #hosts: HostLookup;
  /** The name that was found last; it is asked for first. */
  #found = "";
  readonly #used = new Set<string>();

  constructor(settings: Settings, resolver: Resolver, service: string) {
    this.#own = settings.services.get(service) ?? settings;
    this.#service = service;
    this.#store = new RecordStore(resolver, settings);
    this.#hosts = new HostLookup(this.#store, settings.family);
  }

  /** How many record sets were answered for so far. */
  get answered(): number {
    return this.#store.answered;
  }

  /** Somebody could not connect to what was found. */
  doubt(): void {
    this.#hosts.doubt();
  }

  /** @throws SourceError when nothing can be said; the signal's reason when it aborted */
  async find(round: Round): Promise<Finding> {
    const { hosts, search, ndots } = round.system;
    const written = nameOf(this.#own.name, this.#service);
    const bare = written.endsWith(".") ? written.slice(0, -1) : written;
    // A system looks into its hosts file before it tries any domain.
    const names = hosts.has(bare.toLowerCase()) ? [bare] : candidatesOf(written, search, ndots);
    const ordered = names.includes(this.#found)
      ? [this.#found, ...names.filter((name) => name !== this.#found)]
      : names;
    this.#used.clear();
    let absent: Finding | undefined;
    for (const name of ordered) {
      // A name that cannot be asked for ends the search: the next one may be another service altogether.
      // eslint-disable-next-line no-await-in-loop -- the next name counts only when this one does not exist
      const finding = await this.#findName(name, round);
      const until = Math.min(finding.until, absent?.until ?? Infinity);
      if (finding.exists) {
        this.#found = name;
        this.#forget();
        return { ...finding, until: finding.endpoints.length === 0 ? until : finding.until };
      }
      absent = { ...finding, until };
    }
    this.#found = "";
    this.#forget();
    return absent ?? { ...nothing, until: round.clock.now() };
  }

  async #findName(name: string, round: Round): Promise<Finding> {
    const { record, port } = this.#own;
    const isSrvName = name.startsWith("_");
    if (record === "srv" || (record === "auto" && isSrvName)) return this.#findSrv(name, round);
    if (record === "address" || port !== undefined) return this.#findAddresses(name, round);
    if (round.system.hosts.has(name.toLowerCase())) return this.#findAddresses(name, round);
    return this.#findEither(name, round);
  }

  /**
   * By SRV where there is one, else by address. Who cannot be asked for SRV is not looked up by address: with its port
   * nobody may be there. Servers that know no SRV records say that the name does not exist.
   */
  async #findEither(name: string, round: Round): Promise<Finding> {
    const bySrv = await this.#findSrv(name, round);
    if (bySrv.endpoints.length > 0 || bySrv.isExplicit) return bySrv;
    const byAddress = await this.#findAddresses(name, round);
    const until = Math.min(bySrv.until, byAddress.until);
    const problem = byAddress.problem ?? bySrv.problem;
    return { ...byAddress, exists: bySrv.exists || byAddress.exists, until, problem };
  }

  async #findAddresses(name: string, round: Round): Promise<Finding> {
    const scheme = this.#own.scheme;
    const port = this.#own.port ?? (scheme === "https" ? 443 : 80);
    this.#used.add(name);
    const host = await this.#hosts.find(name, port, round);
    return {
      ...nothing,
      exists: host.exists,
      endpoints: addressEndpoints({ name, scheme }, host, port),
      until: host.until,
      problem: host.problem,
    };
  }

  async #findSrv(name: string, round: Round): Promise<Finding> {
    this.#used.add(name);
    const { set, until, problem } = await this.#store.get(name, "SRV", round);
    const records = set.records.flatMap((each) => (each.type === "SRV" ? each : []));
    const base = { ...nothing, exists: set.exists, until, problem };
    const [only] = records;
    if (only === undefined) return base;
    // "A Target of "." means that the service is decidedly not available at this domain." (RFC 2782)
    if (records.length === 1 && only.target === ".") return { ...base, isExplicit: true };
    for (const { target } of records) this.#used.add(target);
    const targets = await mapLimit(records, targetsAtOnce, (each) => this.#findTarget(each, round));
    round.signal.throwIfAborted();
    const placed = targets.flatMap((each) => (each.host.addresses.length > 0 ? each : []));
    const unheard = targets.filter(({ host }) => host.addresses.length === 0 && host.problem !== undefined);
    const problems = targets.flatMap(({ host }) => host.problem ?? []);
    const untils = targets.map(({ host }) => host.until);
    if (placed.length === 0) {
      throw problems[0] ?? new SourceError("data", `SRV of ${name}: none of its targets has an address`);
    }
    const secure = name.startsWith("_https.") ? "https" : undefined;
    return {
      ...base,
      endpoints: srvEndpoints({ name, scheme: this.#own.scheme ?? secure }, placed),
      skipped: records.length - placed.length,
      until: Math.min(until, ...untils),
      problem: problem ?? problems[0],
      unheard: unheard.map(({ record }) => targetId(record)),
    };
  }

  async #findTarget(record: SrvRecord, round: Round): Promise<Placed> {
    const unknown: HostAddresses = {
      exists: false,
      addresses: [],
      others: [],
      until: Infinity,
      problem: undefined,
    };
    if (record.target === "." || record.port === 0) return { record, host: unknown };
    try {
      return { record, host: await this.#hosts.find(record.target, record.port, round) };
    } catch (error) {
      return { record, host: { ...unknown, until: round.clock.now(), problem: toSourceError(error) } };
    }
  }

  #forget(): void {
    this.#store.keepOnly(this.#used);
    this.#hosts.keepOnly(this.#used);
  }
}

const nothing: Finding = {
  exists: false,
  endpoints: [],
  skipped: 0,
  isExplicit: false,
  until: Infinity,
  problem: undefined,
  unheard: [],
};
