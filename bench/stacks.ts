import { createMesh, staticSource } from "@proxyless/core";
import axios from "axios";
import axiosRetry from "axios-retry";
import CircuitBreaker from "opossum";
import pRetry from "p-retry";
import { Pool, request } from "undici";

import type { Variant } from "./rounds.ts";

/** The variants and what has to be ended after them. */
export interface Stacks extends AsyncDisposable {
  readonly variants: readonly Variant[];
}

/** What guarded stacks allow a call in all, and each of its attempts. */
const totalMs = 5_000;
const attemptMs = 2_000;

/**
 * The same call, GET of one order as JSON, through everything that is compared. Ungoverned clients go to the first
 * port; the mesh balances over all of them.
 */
export function openStacks(ports: readonly number[], inFlight: number): Stacks {
  const origin = `http://127.0.0.1:${ports[0]}`;
  const url = `${origin}/orders/42`;
  const headers = { accept: "application/json" };
  const pool = new Pool(origin, { connections: inFlight });
  const mesh = createMesh({
    discovery: staticSource({ orders: ports.map((port) => `127.0.0.1:${port}`) }),
  });
  const orders = mesh.service("orders");
  const params = { path: { id: "42" } };
  const guardedFetch = guardFetch(url);
  const guardedAxios = guardAxios(url);
  return {
    variants: [
      {
        name: "pool.request",
        call: async () => {
          const { body } = await pool.request({ method: "GET", path: "/orders/42", headers });
          return body.json();
        },
      },
      { name: "typed GET", call: async () => (await orders.GET("/orders/{id}", { params })).data },
      {
        name: "undici.request",
        call: async () => {
          const { body } = await request(url, { headers });
          return body.json();
        },
      },
      { name: "fetch", call: async () => (await fetch(url, { headers })).json() },
      {
        name: "mesh.fetch",
        call: async () => (await mesh.fetch("http://orders/orders/42", { headers })).json(),
      },
      { name: "opossum+p-retry+fetch", call: () => guardedFetch.fire() },
      { name: "opossum+axios-retry+axios", call: () => guardedAxios.fire() },
    ],
    [Symbol.asyncDispose]: async () => {
      guardedFetch.shutdown();
      guardedAxios.shutdown();
      await mesh.close();
      await pool.close();
    },
  };
}

/** What a mesh gives a call, as far as these three give it: a circuit, retries, a limit per attempt and in all. */
function guardFetch(url: string): CircuitBreaker<[]> {
  const attempt = async (): Promise<unknown> => {
    const response = await fetch(url, {
      headers: { accept: "application/json" },
      signal: AbortSignal.timeout(attemptMs),
    });
    if (response.status >= 500) throw new Error(`status ${response.status}`);
    return response.json();
  };
  return new CircuitBreaker(() => pRetry(attempt, { retries: 2 }), { timeout: totalMs });
}

function guardAxios(url: string): CircuitBreaker<[]> {
  const client = axios.create({ timeout: attemptMs, headers: { accept: "application/json" } });
  axiosRetry(client, { retries: 2 });
  return new CircuitBreaker(async () => (await client.get<unknown>(url)).data, { timeout: totalMs });
}
