import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { expect, it } from "vitest";

/** What a process loads for one of the package's entries, as URLs. */
function loadedBy(entry: string): string {
  const url = new URL(`../src/${entry}`, import.meta.url).href;
  const script = `import { registerHooks } from "node:module";
    registerHooks({ load: (url, context, next) => { console.log(url); return next(url, context); } });
    await import(${JSON.stringify(url)});`;
  const options = { encoding: "utf8", cwd: fileURLToPath(new URL("..", import.meta.url)) } as const;
  return execFileSync(process.execPath, ["--input-type=module", "-e", script], options);
}

it("rules do not load Grafana's SDK, boards do", () => {
  expect(loadedBy("index.ts")).toContain("prometheus-rules.ts");
  expect(loadedBy("index.ts")).not.toContain("grafana");
  expect(loadedBy("grafana/index.ts")).toContain("grafana-foundation-sdk");
});
