import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

import { ManagementServer } from "./management-server.ts";

/** What a control plane knows of its services. */
type State = Record<string, { host: string; port: number }[]>;

// The management server as a process of its own, which can be killed and frozen: node server-main.ts PORT HTTP-PORT FILE.
// What it knows stands in the file, as a control plane has it from elsewhere.
const [port, httpPort, file = ""] = process.argv.slice(2);
const state: State = existsSync(file) ? stateOf(readFileSync(file, "utf8")) : {};
const server = await ManagementServer.start({ port: Number(port) });
for (const [name, endpoints] of Object.entries(state)) server.putService(name, endpoints);

createServer((request, response) => {
  void answer(request.method ?? "", request.url ?? "", request).then(
    (body) => response.end(JSON.stringify(body)),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
}).listen(Number(httpPort), "127.0.0.1");

async function answer(method: string, path: string, body: NodeJS.ReadableStream): Promise<unknown> {
  if (method === "GET" && path === "/state") return { heard: server.heard, violations: server.violations };
  if (method !== "PUT") throw new Error(`nothing at ${method} ${path}`);
  const endpoints = placesOf(await text(body));
  const name = decodeURIComponent(path.slice(1));
  state[name] = endpoints.map(({ host, port: own }) => ({ host, port: own }));
  // First the file, so that a crash after the answer forgets nothing.
  writeFileSync(file, JSON.stringify(state));
  server.putService(name, state[name]);
  return "ok";
}

function stateOf(json: string): State {
  const read: State = JSON.parse(json);
  return read;
}

function placesOf(json: string): State[string] {
  const read: State[string] = JSON.parse(json);
  return read;
}
