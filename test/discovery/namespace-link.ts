import { execFile, execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import type { Fault, FaultyWay } from "./faulty-links.ts";
import { joined } from "./support/joined-sockets.ts";
import { socketsConnectedTo } from "./support/system-sockets.ts";

const run = promisify(execFile);
const gate = join(import.meta.dirname, "support/link-gate.ts");
const near = "10.77.0.1";
const far = "10.77.0.2";
const port = 7000;

/** How to run something as root of a network of its own, without being root: `unshare`, and its arguments. */
export const ownNetwork = ["--user", "--map-root-user", "--net"] as const;

/** Whether this machine lets a process have networks of its own, with a link between two of them. */
export function hasNamespaces(): boolean {
  try {
    const link = "ip link set lo up && ip link add one type veth peer name other && ip link set one up";
    execFileSync("unshare", [...ownNetwork, "sh", "-c", `${link} && unshare --net true`], {
      stdio: "ignore",
    });
    return true;
  } catch {
    return false;
  }
}

/**
 * A way to a registry over a link between two network namespaces, which can be taken down: what is sent then is lost, nobody is
 * told, and TCP sends it again until somebody gives up. It needs a network of one's own, see {@link ownNetwork}.
 */
export class NamespaceLink implements FaultyWay {
  readonly host = far;
  readonly port = port;
  readonly dead = 0;
  readonly lost = 0;
  readonly spoiled = 0;
  readonly #gate: ChildProcess;
  readonly #server: Server;
  readonly #folder: string;

  private constructor(process: ChildProcess, server: Server, folder: string) {
    this.#gate = process;
    this.#server = server;
    this.#folder = folder;
  }

  static async start(host: string, targetPort: number): Promise<NamespaceLink> {
    const folder = await mkdtemp(join(tmpdir(), "proxyless-link-"));
    const path = join(folder, "socket");
    const server = createServer((socket) => {
      joined(socket, connect(targetPort, host));
    }).listen(path);
    await once(server, "listening");
    const child = spawn("unshare", ["--net", process.execPath, gate, String(port), path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    const link = new NamespaceLink(child, server, folder);
    await run("ip", [
      "link",
      "add",
      "near",
      "type",
      "veth",
      "peer",
      "name",
      "far",
      "netns",
      String(child.pid),
    ]);
    await run("ip", ["address", "add", `${near}/24`, "dev", "near"]);
    await run("ip", ["link", "set", "near", "up"]);
    await link.#there("address", "add", `${far}/24`, "dev", "far");
    await link.#there("link", "set", "far", "up");
    return link;
  }

  /** Those that somebody still holds: the system has an end to say for longer. */
  get open(): number {
    return [...socketsConnectedTo("tcp", far, port).values()].filter((socket) => socket !== "0").length;
  }

  /** `silence` takes the other end of the link down. */
  set(fault: Fault): void {
    if (fault !== "silence" && fault !== "pass") throw new Error(`a link cannot ${fault}`);
    const state = fault === "pass" ? "up" : "down";
    execFileSync("nsenter", [...this.#namespace, "ip", "link", "set", "far", state]);
  }

  slow(): void {
    throw new Error("a link has no delay");
  }

  cut(): void {
    throw new Error("a link closes nothing");
  }

  async stop(): Promise<void> {
    const ended = once(this.#gate, "exit");
    this.#gate.kill("SIGKILL");
    await ended;
    this.#server.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #namespace(): readonly string[] {
    return [`--net=/proc/${this.#gate.pid}/ns/net`];
  }

  async #there(...args: readonly string[]): Promise<void> {
    await run("nsenter", [...this.#namespace, "ip", ...args]);
  }
}
