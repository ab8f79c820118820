import { isIPv6 } from "node:net";

import type { SourceError } from "@proxyless/core/discovery";

import { addressesOf, BothFamilies } from "./both-families.ts";
import type { Families } from "./both-families.ts";
import { FamilyRace } from "./family-race.ts";
import type { DnsFamily } from "./options.ts";
import type { RecordStore, Round } from "./record-store.ts";

/** The addresses of one host. */
export interface HostAddresses {
  readonly exists: boolean;
  /** To be used: all where the families are equals, else those of the family that won, or of the only one. */
  readonly addresses: readonly string[];
  /** Those of the family that lost. */
  readonly others: readonly string[];
  /** When to ask again, on the clock. */
  readonly until: number;
  /** Why a part of it is what was known before. */
  readonly problem: SourceError | undefined;
}

/** A hosts file is looked into so often, in milliseconds. */
const hostsFileMs = 5000;

/** Finds the addresses of hosts: in the hosts file, else in DNS; and which family to use where there are two. */
export class HostLookup {
  readonly #store: RecordStore;
  readonly #family: DnsFamily;
  readonly #both: BothFamilies;
  readonly #race = new FamilyRace();

  constructor(store: RecordStore, family: DnsFamily) {
    this.#store = store;
    this.#family = family;
    this.#both = new BothFamilies(store);
  }

  /**
   * @param port where a race between the families connects to
   * @throws SourceError when it cannot be said whether the host has addresses; the signal's reason when it aborted
   */
  async find(host: string, port: number, round: Round): Promise<HostAddresses> {
    const families = this.#inFile(host, round) ?? (await this.#inDns(host, round));
    const { exists, v4, v6, until, problem } = families;
    const rest = { exists, until, problem };
    if (this.#family === "both" || v4.length === 0 || v6.length === 0) {
      return { ...rest, addresses: [...v6, ...v4], others: [] };
    }
    const [first, second] = this.#family === "ipv4-first" ? [v4, v6] : [v6, v4];
    const winner = await this.#race.winner({ host, port, first, second }, round);
    return winner === "first"
      ? { ...rest, addresses: first, others: second }
      : { ...rest, addresses: second, others: first };
  }

  /** Somebody could not connect: the families race again. */
  doubt(): void {
    this.#race.doubt();
  }

  /** Forgets what is not in use any more. */
  keepOnly(hosts: ReadonlySet<string>): void {
    this.#both.keepOnly(hosts);
    this.#race.keepOnly(hosts);
  }

  #inFile(host: string, { clock, system }: Round): Families | undefined {
    const all = system.hosts.get(host.toLowerCase()) ?? [];
    const v4 = this.#family === "ipv6" ? [] : all.filter((each) => !isIPv6(each));
    const v6 = this.#family === "ipv4" ? [] : all.filter((each) => isIPv6(each));
    if (v4.length + v6.length === 0) return undefined;
    return { exists: true, v4, v6, until: clock.now() + hostsFileMs, problem: undefined };
  }

  async #inDns(host: string, round: Round): Promise<Families> {
    if (this.#family !== "ipv4" && this.#family !== "ipv6") return this.#both.find(host, round);
    const known = await this.#store.get(host, this.#family === "ipv4" ? "A" : "AAAA", round);
    const { set, until, problem } = known;
    const addresses = addressesOf(known);
    const [v4, v6] = this.#family === "ipv4" ? [addresses, []] : [[], addresses];
    return { exists: set.exists, v4, v6, until, problem };
  }
}
