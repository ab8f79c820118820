import { execFile } from "node:child_process";

import { describe, it } from "vitest";

/** Where nobody listens, as each registrar is told. */
const nowhere = {
  consul: { url: "http://127.0.0.1:1" },
  etcd: { url: "http://127.0.0.1:1" },
  zookeeper: { servers: "127.0.0.1:1" },
  eureka: { url: "http://127.0.0.1:1/eureka" },
  nacos: { url: "http://127.0.0.1:1" },
};

/** A process that registers and has nothing else to do. Resolves with its exit code and what it printed. */
function register(registry: keyof typeof nowhere): Promise<{ code: unknown; printed: string }> {
  const program = `
    import { ${registry}Registrar } from "@proxyless/discovery-${registry}";
    const instance = { service: "web", id: "web-1", host: "10.0.0.1", port: 8080, startTimeoutMs: 2_000 };
    await ${registry}Registrar(${JSON.stringify(nowhere[registry])}).register(instance).catch(({ code }) => console.log(code));
  `;
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ["--input-type=module-typescript", "--eval", program],
      { cwd: import.meta.dirname },
      (error, stdout, stderr) => {
        resolve({ code: error?.code ?? 0, printed: (stdout + stderr).trim() });
      },
    );
  });
}

describe.concurrent("a process that registers where no registry is yet", () => {
  it.for(["consul", "etcd", "zookeeper", "eureka", "nacos"] as const)(
    "waits until %s has been tried for long enough, and is told",
    async (registry, { expect }) => {
      expect(await register(registry)).toEqual({ code: 0, printed: "ERR_PROXYLESS_REGISTRATION" });
    },
  );
});
