import { NacosNamingClient } from "nacos";

import type { AtEnd } from "../../../../test/support/watching.ts";

/** A client that others wrote, on a server; it ends with the test. */
export async function startOther(url: string, atEnd: AtEnd): Promise<NacosNamingClient> {
  const client = new NacosNamingClient({
    // It logs every step.
    logger: Object.assign(Object.create(console), {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined,
    }),
    serverList: new URL(url).host,
    namespace: "public",
  });
  await client.ready();
  atEnd(async () => {
    // It is made to be closed, and its types forgot to say so.
    if ("close" in client && typeof client.close === "function") await client.close();
  });
  return client;
}
