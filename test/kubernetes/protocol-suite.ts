import { describe, expect, it } from "vitest";

import type { Cluster } from "./cluster.ts";
import type { SliceWriter } from "./slice-writer.ts";
import { pods, sliceJson } from "./slices.ts";

/** What of the protocol differs between servers. */
export interface ProtocolTraits {
  /** Whether watches may begin with everything there is. */
  readonly streamsLists: boolean;
  /** Tokens, where the server asks for them. */
  readonly tokens?: { readonly reader: string; readonly stranger: string; readonly lister: string };
}

const ofWeb = "labelSelector=kubernetes.io/service-name%3Dweb";

/** What the adapter takes for granted of an API server: run against the scripted one and against real ones. */
export function protocolSuite(cluster: () => Cluster, traits: ProtocolTraits): void {
  let namespace = "protocol";
  const writer = (): SliceWriter => cluster().writer;
  const slices = (): string => writer().folder(namespace);
  const list = async (query: string): Promise<List> => {
    const { status, body } = await writer().request("GET", `${slices()}?${query}`);
    if (status !== 200) throw new Error(`${status} ${body.slice(0, 300)}`);
    return JSON.parse(body);
  };
  const prepare = async (): Promise<void> => {
    namespace = await cluster().namespace("protocol");
    await writer().remove("web-6", namespace);
    for (const n of [1, 2, 3, 4, 5]) {
      await writer().put(sliceJson({ name: `web-${n}`, service: "web", pods: pods(1, n) }), namespace);
    }
    await writer().put(sliceJson({ name: "other", service: "other", pods: pods(1, 9) }), namespace);
  };

  describe("the protocol", { timeout: 60_000 }, () => {
    it("lists by label, with one revision for the list", async () => {
      await prepare();
      const { items, metadata } = await list(ofWeb);
      expect(items.map(({ metadata: { name } }) => name)).toEqual([
        "web-1",
        "web-2",
        "web-3",
        "web-4",
        "web-5",
      ]);
      expect(metadata.resourceVersion).toMatch(/^[1-9]\d*$/);
      expect(metadata.continue ?? "").toBe("");
    });

    it("lists in pages that are all of one revision", async () => {
      await prepare();
      const first = await list(`${ofWeb}&limit=2`);
      await writer().remove("web-5", namespace);
      const second = await list(
        `${ofWeb}&limit=2&continue=${encodeURIComponent(first.metadata.continue ?? "")}`,
      );
      const third = await list(
        `${ofWeb}&limit=2&continue=${encodeURIComponent(second.metadata.continue ?? "")}`,
      );
      expect(third.items.map(({ metadata: { name } }) => name)).toEqual(["web-5"]);
      expect([second, third].map(({ metadata }) => metadata.resourceVersion)).toEqual(
        Array.from({ length: 2 }, () => first.metadata.resourceVersion),
      );
      expect(third.metadata.continue ?? "").toBe("");
    });

    it("lists from memory what is no older than a revision, and not what is still to come", async () => {
      await prepare();
      const { metadata } = await list(ofWeb);
      const { items } = await list(
        `${ofWeb}&resourceVersion=${metadata.resourceVersion}&resourceVersionMatch=NotOlderThan`,
      );
      expect(items).toHaveLength(5);
      const future = `${ofWeb}&resourceVersion=99999999&resourceVersionMatch=NotOlderThan`;
      const { status, body } = await writer().request("GET", `${slices()}?${future}`);
      expect(status).toBe(504);
      expect(JSON.parse(body)).toMatchObject({
        kind: "Status",
        code: 504,
        message: expect.stringContaining("Too large resource version"),
        details: { causes: [{ reason: "ResourceVersionTooLarge" }], retryAfterSeconds: 1 },
      });
    });

    it("watches changes of what is selected, from a revision on", async () => {
      await prepare();
      const { metadata } = await list(ofWeb);
      await writer().put(sliceJson({ name: "other", service: "other", pods: pods(2, 9) }), namespace);
      await writer().put(sliceJson({ name: "web-1", service: "web", pods: pods(2, 1) }), namespace);
      await writer().put(sliceJson({ name: "web-6", service: "web", pods: pods(1, 6) }), namespace);
      await writer().remove("web-2", namespace);
      await writer().put(sliceJson({ name: "web-3", service: "moved", pods: pods(1, 3) }), namespace);
      const path = `${slices()}?watch=true&${ofWeb}&resourceVersion=${metadata.resourceVersion}&allowWatchBookmarks=true&timeoutSeconds=60`;
      const events = (await writer().watch(path, (lines) => lines.length === 4)).map(read);
      expect(events.map(({ type, object }) => `${type} ${object.metadata?.name}`)).toEqual([
        "MODIFIED web-1",
        "ADDED web-6",
        "DELETED web-2",
        "DELETED web-3",
      ]);
      expect(events[0]?.object.endpoints).toHaveLength(2);
      const revisions = events.map(({ object }) => Number(object.metadata?.resourceVersion));
      expect(revisions.toSorted((a, b) => a - b)).toEqual(revisions);
      expect(new Set(revisions).size).toBe(4);
    });

    it("ends a watch when its time is up", async () => {
      await prepare();
      const { metadata } = await list(ofWeb);
      const path = `${slices()}?watch=true&${ofWeb}&resourceVersion=${metadata.resourceVersion}&allowWatchBookmarks=true&timeoutSeconds=1`;
      const began = performance.now();
      const events = (await writer().watch(path, () => false)).map(read);
      expect(events.every(({ type }) => type === "BOOKMARK")).toBe(true);
      expect(performance.now() - began).toBeGreaterThan(900);
    });

    it("refuses a watch from a revision that it does not remember, with 410", async () => {
      await prepare();
      // What it began with is where its memory begins.
      await cluster().faults?.kill();
      await cluster().faults?.restart();
      const path = `${slices()}?watch=true&${ofWeb}&resourceVersion=1&allowWatchBookmarks=true&timeoutSeconds=10`;
      const ask = async (): Promise<Event | undefined> =>
        (await writer().watch(path, (lines) => lines.length === 1)).map(read)[0];
      // A server that has just come up may have to fill its memory first, and says 429.
      await expect.poll(async () => (await ask())?.type, { timeout: 30_000 }).not.toBe("STATUS 429");
      expect(await ask()).toMatchObject({
        type: expect.stringMatching(/^(ERROR|STATUS 410)$/),
        object: { kind: "Status", code: 410, message: expect.stringContaining("too old resource version") },
      });
    });

    const streamed = async (): Promise<readonly Event[]> => {
      await prepare();
      const asked =
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=10";
      const isEnd = (line: string): boolean => /k8s\.io\/initial-events-end|STATUS/.test(line);
      const path = `${slices()}?watch=true&${ofWeb}&${asked}`;
      return (await writer().watch(path, (lines) => isEnd(lines.at(-1) ?? ""))).map(read);
    };

    it(`${traits.streamsLists ? "begins" : "refuses to begin"} a watch with everything there is`, async () => {
      const events = await streamed();
      const { streamsLists } = traits;
      const names = events
        .filter(({ type }) => type === "ADDED")
        .map(({ object }) => String(object.metadata?.name));
      expect(names.toSorted()).toEqual(streamsLists ? ["web-1", "web-2", "web-3", "web-4", "web-5"] : []);
      const { type, object } = events.at(-1) ?? {};
      const isEnd = object?.metadata?.annotations?.["k8s.io/initial-events-end"] === "true";
      const expected = streamsLists ? /^BOOKMARK true$/ : /^STATUS (400|422) false$/;
      expect(`${type} ${isEnd}`).toMatch(expected);
    });

    it("answers 404 for a version that it does not have", async () => {
      const path = "/apis/discovery.k8s.io/v9/namespaces/default/endpointslices";
      expect((await writer().request("GET", path)).status).toBe(404);
    });

    it.runIf(traits.tokens !== undefined)(
      "answers 401 to those it does not know and 403 to those without the right",
      async () => {
        const { stranger = "", lister = "" } = traits.tokens ?? {};
        const path = `${slices()}?${ofWeb}`;
        expect((await writer().request("GET", path, undefined, "nobody-0123456789abcdef")).status).toBe(401);
        const refused = await writer().request("GET", path, undefined, stranger);
        expect(refused.status).toBe(403);
        expect(JSON.parse(refused.body)).toMatchObject({
          kind: "Status",
          message: expect.stringMatching(
            /cannot list resource "endpointslices" in API group "discovery.k8s.io"/,
          ),
        });
        expect((await writer().request("GET", path, undefined, lister)).status).toBe(200);
        const [event] = (
          await writer().watch(`${path}&watch=true&resourceVersion=1`, (lines) => lines.length === 1, lister)
        ).map(read);
        expect(event?.type).toBe("STATUS 403");
      },
    );
  });
}

interface List {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly { readonly metadata: { readonly name: string } }[];
}

interface Event {
  readonly type: string;
  readonly object: {
    readonly metadata?: {
      readonly name?: string;
      readonly resourceVersion?: string;
      readonly annotations?: Readonly<Record<string, string>>;
    };
    readonly endpoints?: readonly unknown[];
  };
}

function read(line: string): Event {
  return JSON.parse(line);
}
