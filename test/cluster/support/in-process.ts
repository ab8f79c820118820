import type { Clock, Mesh } from "@proxyless/core";
import type { FeedSource } from "@proxyless/dashboard/feed";

import { ClusterFeed } from "../../../packages/cluster/src/page/cluster-feed.ts";
import { isPageReport } from "../../../packages/cluster/src/page/page-report.ts";
import type { PageReport } from "../../../packages/cluster/src/page/page-report.ts";
import { WorkerPage } from "../../../packages/cluster/src/page/worker-page.ts";

/** Workers that are meshes of this process, so that all of them have the test's clock; what they say is what goes over a channel. */
export class InProcess implements FeedSource, Disposable {
  /** What each said last. */
  readonly reports: PageReport[] = [];
  /** Who does not answer: `w0`, `w1` and so on. */
  readonly late = new Set<string>();
  readonly #pages: readonly WorkerPage[];

  constructor(meshes: readonly Mesh[], clock: Clock) {
    this.#pages = meshes.map((mesh) => new WorkerPage(mesh, clock));
  }

  feed(clock: Clock): ClusterFeed {
    const ask = async (): Promise<ReadonlySet<string>> => {
      for (const [i, page] of this.#pages.entries()) {
        if (this.late.has(`w${i}`)) continue;
        this.reports[i] = sent(await page.answer());
        feed.take(`w${i}`, this.reports[i]);
      }
      return this.late;
    };
    const feed: ClusterFeed = new ClusterFeed(ask, clock, () => undefined);
    return feed;
  }

  [Symbol.dispose](): void {
    for (const page of this.#pages) page.close();
  }
}

/** As it comes over a channel; a report that the primary would refuse is an error. */
function sent(report: PageReport): PageReport {
  const copy: unknown = JSON.parse(JSON.stringify(report));
  if (!isPageReport(copy)) throw new Error("refused");
  return copy;
}
