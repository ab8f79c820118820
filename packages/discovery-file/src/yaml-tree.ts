import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";

import { isRecord } from "@proxyless/core/discovery";
import { parse } from "yaml";

/** Aliases of YAML that may be expanded; more is an attack. */
const options = { maxAliasCount: 100, logLevel: "error" } as const;
/** From here on reading YAML would hold up the calls of the process for longer than a worker takes to start, in characters. */
const largeLength = 65_536;

/** The worker's whole program, as text: a file of its own would have another name once it is built. */
const program = `
const { parentPort, workerData } = require("node:worker_threads");
try {
  parentPort.postMessage({ tree: require(workerData.yaml).parse(workerData.text, workerData.options) });
} catch (error) {
  parentPort.postMessage({ problem: String(error?.message ?? error) });
}
`;

/** Reads YAML: a large document in a worker, because its reader takes a tenth of a millisecond for each entry. */
export async function yamlTree(text: string): Promise<unknown> {
  if (text.length < largeLength) {
    const tree: unknown = parse(text, options);
    return tree;
  }
  const yaml = createRequire(import.meta.url).resolve("yaml");
  const worker = new Worker(program, { eval: true, workerData: { yaml, text, options } });
  worker.unref();
  try {
    const answer = await new Promise<unknown>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", () => {
        reject(new Error("its reader ended before it was done"));
      });
    });
    if (isRecord(answer) && typeof answer["problem"] === "string") throw new Error(answer["problem"]);
    return isRecord(answer) ? answer["tree"] : undefined;
  } finally {
    await worker.terminate();
  }
}
