import { systemClock } from "@proxyless/core";
import { RegistryHttp, resolveUrls } from "@proxyless/core/discovery";
import type { RegistryRequest, RegistryResponse, RegistryTls } from "@proxyless/core/discovery";

import type { SliceJson } from "./slices.ts";

/** An API server as an administrator reaches it. */
export interface ApiAccess {
  readonly url: string;
  readonly token?: string | undefined;
  readonly tls?: RegistryTls | undefined;
  /** `v1` or `v1beta1`. */
  readonly version?: string | undefined;
}

/** Writes EndpointSlices through the API, as controllers do, and asks it things as any client could. */
export class SliceWriter {
  readonly #access: ApiAccess;
  readonly #http: RegistryHttp;
  readonly version: string;

  constructor(access: ApiAccess) {
    this.#access = access;
    this.version = access.version ?? "v1";
    const urls = resolveUrls(access.url);
    this.#http = new RegistryHttp({ urls, tls: access.tls, watchConnections: 100, maxBodyBytes: 2 ** 30 });
  }

  /** Creates a slice or replaces it. @returns when the write that succeeded was sent, by `performance.now` */
  async put(slice: SliceJson, namespace = "default"): Promise<number> {
    const folder = this.folder(namespace);
    const json = { ...slice, kind: "EndpointSlice", apiVersion: `discovery.k8s.io/${this.version}` };
    const body = this.version === "v1" ? json : asBeta(json);
    const posted = performance.now();
    const made = await this.request("POST", folder, body);
    if (made.status === 201) return posted;
    if (made.status !== 409) throw refused("POST", folder, made);
    // Somebody has it already: it is replaced, whatever its revision is.
    for (;;) {
      const path = `${folder}/${slice.metadata.name}`;
      const there = await this.request("GET", path);
      const { metadata }: { metadata?: { resourceVersion?: string } } = JSON.parse(there.body);
      const resourceVersion = metadata?.resourceVersion;
      const sent = performance.now();
      const replaced = await this.request("PUT", path, {
        ...body,
        metadata: { ...slice.metadata, resourceVersion },
      });
      if (replaced.status === 200) return sent;
      if (replaced.status !== 409) throw refused("PUT", path, replaced);
    }
  }

  /** Removes a slice, if it is there. */
  async remove(name: string, namespace = "default"): Promise<void> {
    const path = `${this.folder(namespace)}/${name}`;
    const answer = await this.request("DELETE", path);
    if (answer.status !== 200 && answer.status !== 404) throw refused("DELETE", path, answer);
  }

  folder(namespace = "default"): string {
    return `/apis/discovery.k8s.io/${this.version}/namespaces/${namespace}/endpointslices`;
  }

  /** Any request; without a token where `token` is `""`. */
  request(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    body?: object,
    token?: string,
  ): Promise<RegistryResponse> {
    const secret = token ?? this.#access.token ?? "";
    return this.#http.send(
      {
        method,
        path,
        deadlineMs: 15_000,
        lane: "quick",
        headers: secret === "" ? {} : { authorization: `Bearer ${secret}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      },
      systemClock,
      new AbortController().signal,
    );
  }

  /** The lines of a watch, until `enough` says so or the server ends it. */
  async watch(
    path: string,
    enough: (lines: readonly string[]) => boolean,
    token?: string,
  ): Promise<readonly string[]> {
    const secret = token ?? this.#access.token ?? "";
    const lines: string[] = [];
    const abort = new AbortController();
    const request: RegistryRequest = {
      method: "GET",
      path,
      deadlineMs: 15_000,
      lane: "watch",
      headers: secret === "" ? {} : { authorization: `Bearer ${secret}` },
    };
    const line = (text: string): void => {
      lines.push(text);
      if (enough(lines)) abort.abort();
    };
    try {
      const answer = await this.#http.stream(request, { line, silenceMs: 15_000 }, systemClock, abort.signal);
      if (answer.status !== 200)
        lines.push(JSON.stringify({ type: `STATUS ${answer.status}`, object: JSON.parse(answer.body) }));
    } catch (error) {
      if (!abort.signal.aborted) throw error;
    }
    return lines;
  }

  close(): void {
    this.#http.close();
  }
}

/** v1beta1 has the zone and the node in `topology`. */
function asBeta(slice: object): object {
  const { endpoints = [], ...rest }: { endpoints?: readonly Record<string, unknown>[] } = slice;
  const old = endpoints.map((endpoint) => {
    const { zone, nodeName, addresses, conditions, targetRef } = endpoint;
    const topology = { "topology.kubernetes.io/zone": zone, "kubernetes.io/hostname": nodeName };
    return { addresses, conditions, targetRef, topology };
  });
  return { ...rest, endpoints: old };
}

function refused(method: string, path: string, { status, body }: RegistryResponse): Error {
  return new Error(`${method} ${path}: ${status} ${body.slice(0, 300)}`);
}
