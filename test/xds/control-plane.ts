import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freePorts } from "../../scripts/servers/ports.ts";
import { ServerProcess } from "../../scripts/servers/server-process.ts";
import { until } from "../../scripts/servers/until.ts";
import { guard, release } from "../../scripts/servers/watchdog.ts";

const main = join(import.meta.dirname, "../../packages/discovery-xds/test/support/server-main.ts");

/** Where an endpoint is. */
interface Place {
  readonly host: string;
  readonly port: number;
}

/** The strict management server as a process of its own, so that it can be killed and frozen. */
export class ControlPlane {
  readonly #process: ServerProcess;
  readonly #folder: string;
  readonly #httpPort: number;
  readonly port: number;

  private constructor(process: ServerProcess, folder: string, port: number, httpPort: number) {
    this.#process = process;
    this.#folder = folder;
    this.port = port;
    this.#httpPort = httpPort;
  }

  /** @param certificates a folder with those of `makeCertificates`, from which it takes its own whenever it starts: TLS, with clients known by theirs */
  static async start(certificates?: string): Promise<ControlPlane> {
    const [port = 0, httpPort = 0] = await freePorts(2);
    const folder = await mkdtemp(join(tmpdir(), "proxyless-xds-"));
    guard(folder);
    const server = new ServerProcess({
      name: `control plane 127.0.0.1:${port}`,
      binary: process.execPath,
      args: [main, String(port), String(httpPort), join(folder, "state.json"), ...asList(certificates)],
      logFile: join(folder, "log"),
    });
    await server.start();
    return new ControlPlane(server, folder, port, httpPort).#ready();
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get isRunning(): boolean {
    return this.#process.isRunning;
  }

  /** Makes these the endpoints of a service; resolves when clients were told, or soon will be. */
  put(service: string, endpoints: readonly Place[]): Promise<void> {
    return this.#write("PUT", service, endpoints);
  }

  /** Takes one endpoint of a service out and puts another in. */
  swap(service: string, gone: Place, added: Place): Promise<void> {
    return this.#write("PATCH", service, { gone, added });
  }

  /** What clients did against the protocol. */
  async violations(): Promise<readonly string[]> {
    const response = await fetch(`http://127.0.0.1:${this.#httpPort}/state`);
    const { violations }: { violations: string[] } = JSON.parse(await response.text());
    return violations;
  }

  kill(): Promise<void> {
    return this.#process.kill();
  }

  async restart(): Promise<void> {
    await this.#process.stop();
    await this.#process.start();
    await this.#ready();
  }

  async restartEmpty(): Promise<void> {
    await this.#process.kill();
    await rm(join(this.#folder, "state.json"), { force: true });
    await this.restart();
  }

  pause(): Promise<void> {
    return this.#process.pause();
  }

  resume(): void {
    this.#process.resume();
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    await rm(this.#folder, { recursive: true, force: true });
    release(this.#folder);
  }

  async #write(method: "PUT" | "PATCH", service: string, body: object): Promise<void> {
    const response = await fetch(`http://127.0.0.1:${this.#httpPort}/${encodeURIComponent(service)}`, {
      method,
      body: JSON.stringify(body),
    });
    if (response.status !== 200) throw new Error(`${method} ${service}: ${await response.text()}`);
  }

  async #ready(): Promise<this> {
    try {
      await until(`control plane at ${this.address} is ready`, 20_000, () => this.violations());
    } catch (error) {
      throw new Error(`no control plane; its log ends with:\n${await this.#process.logTail()}`, {
        cause: error,
      });
    }
    return this;
  }
}

function asList(value: string | undefined): readonly string[] {
  return value === undefined ? [] : [value];
}
