import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { ServerCredentials } from "@grpc/grpc-js";

import { ManagementServer } from "./management-server.ts";

interface Place {
  readonly host: string;
  readonly port: number;
}

/** What a control plane knows of its services. */
type State = Record<string, Place[]>;

/** What is told of a long list takes its time; so many times as much passes before the next is, as control planes do. */
const rest = 4;

// The management server as a process of its own, which can be killed and frozen: node server-main.ts PORT HTTP-PORT FILE [FOLDER].
// What it knows stands in the file, as a control plane has it from elsewhere; in the folder are certificates, if it has any.
const [port, httpPort, file = "", certificates] = process.argv.slice(2);
const state: State = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
const server = await ManagementServer.start({
  port: Number(port),
  ...(certificates === undefined ? {} : { credentials: credentialsOf(certificates) }),
});
for (const [name, endpoints] of Object.entries(state)) server.putService(name, endpoints);
/** Services whose change nobody was told of yet. */
const untold = new Set<string>();
let mayTellAt = 0;

createServer((request, response) => {
  void answer(request.method ?? "", request.url ?? "", request).then(
    (body) => response.end(JSON.stringify(body)),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
}).listen(Number(httpPort), "127.0.0.1");

function credentialsOf(folder: string): ServerCredentials {
  const read = (name: string): Buffer => readFileSync(join(folder, name));
  const pair = { private_key: read("server-key.pem"), cert_chain: read("server.pem") };
  return ServerCredentials.createSsl(read("ca.pem"), [pair], true);
}

// GET /state; PUT /SERVICE: all its endpoints; PATCH /SERVICE: one goes, another comes.
async function answer(method: string, path: string, body: NodeJS.ReadableStream): Promise<unknown> {
  if (method === "GET" && path === "/state") return { heard: server.heard, violations: server.violations };
  const name = decodeURIComponent(path.slice(1));
  if (method === "PUT") {
    const endpoints: Place[] = JSON.parse(await text(body));
    state[name] = endpoints.map(({ host, port: own }) => ({ host, port: own }));
  } else if (method === "PATCH") {
    const { added, gone }: { added: Place; gone: Place } = JSON.parse(await text(body));
    const others = (state[name] ?? []).filter((each) => each.host !== gone.host || each.port !== gone.port);
    state[name] = [...others, { host: added.host, port: added.port }];
  } else {
    throw new Error(`nothing at ${method} ${path}`);
  }
  // First the file, so that a crash after the answer forgets nothing.
  writeFileSync(file, JSON.stringify(state));
  tellOf(name);
  return "ok";
}

function tellOf(name: string): void {
  const isPlanned = untold.size > 0;
  untold.add(name);
  const wait = mayTellAt - performance.now();
  if (wait <= 0) tell();
  else if (!isPlanned) setTimeout(tell, wait);
}

function tell(): void {
  const begin = performance.now();
  for (const name of untold) server.putService(name, state[name] ?? []);
  untold.clear();
  const end = performance.now();
  mayTellAt = end + rest * (end - begin);
}
