import { readFileSync } from "node:fs";
import { join } from "node:path";

import { prometheusRules } from "@proxyless/monitoring";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";

const page = readFileSync(join(import.meta.dirname, "../../../docs/alerts.md"), "utf8");
const documents = [...page.matchAll(/^```yaml\n(?<text>[^]*?)^```$/gmu)].flatMap(({ groups }) =>
  parseAllDocuments(groups?.["text"] ?? "", { strict: true, uniqueKeys: true }),
);
const recorded = new Set(
  prometheusRules({ slo: { latency: { objective: 0.99, seconds: 1 } } }).groups.flatMap(({ rules }) =>
    rules.flatMap((rule) => ("record" in rule ? rule.record : [])),
  ),
);
const seriesIn = (text: string): readonly string[] =>
  [...text.matchAll(/service:[\w:]+/gu)].map(([name]) => name);

/** The document with this at its top. */
function documentWith(
  key: string,
  value?: string,
): { toJS(): unknown; getIn(path: readonly unknown[]): unknown } {
  const found = documents.find((one) => one.has(key) && (value === undefined || one.get(key) === value));
  if (found === undefined) throw new Error(`the page has no YAML with ${key} ${value ?? ""}`);
  return found;
}

describe("what the page says to scale by", () => {
  it("is YAML that parses, every block of it", () => {
    expect(documents).toHaveLength(4);
    expect(documents.flatMap(({ errors, warnings }) => errors.concat(warnings))).toEqual([]);
  });

  it("KEDA asks for a series that is recorded, as an average that it does not divide again", () => {
    const scaled = documentWith("kind", "ScaledObject");
    expect(scaled.getIn(["apiVersion"])).toBe("keda.sh/v1alpha1");
    expect(scaled.getIn(["spec", "scaleTargetRef", "name"])).toBe("orders");
    const trigger = (at: string, ...rest: readonly string[]): unknown =>
      scaled.getIn(["spec", "triggers", 0, at, ...rest]);
    expect(trigger("type")).toBe("prometheus");
    // A field of the trigger, not of its metadata: KEDA ignores it there.
    expect(trigger("metricType")).toBe("Value");
    expect(trigger("metadata", "serverAddress")).toMatch(/^http:\/\//u);
    // KEDA's metadata are texts.
    expect(trigger("metadata", "threshold")).toBe("10");
    const series = seriesIn(String(trigger("metadata", "query")));
    expect(series).toHaveLength(1);
    expect([...series].filter((name) => !recorded.has(name))).toEqual([]);
    expect(scaled.getIn(["spec", "minReplicaCount"])).toBeLessThan(
      Number(scaled.getIn(["spec", "maxReplicaCount"])),
    );
  });

  it("the HorizontalPodAutoscaler asks for the metric that the adapter makes of one", () => {
    const rule = (...path: readonly string[]): unknown =>
      documentWith("rules").getIn(["rules", "external", 0, ...path]);
    const series = String(rule("seriesQuery"));
    expect(recorded).toContain(series);
    expect(rule("resources", "namespaced")).toBe(false);
    // What the adapter puts in: both have to be there for the selector to have an effect.
    expect(rule("metricsQuery")).toMatch(/<<\.Series>>\{<<\.LabelMatchers>>\}/u);
    const scaler = documentWith("kind", "HorizontalPodAutoscaler");
    expect(scaler.getIn(["apiVersion"])).toBe("autoscaling/v2");
    expect(scaler.toJS()).toMatchObject({
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "orders" },
        minReplicas: expect.any(Number),
        maxReplicas: expect.any(Number),
        metrics: [
          {
            type: "External",
            external: {
              metric: {
                // The name of a metric in the API has no colons.
                name: series.replace(/^service:/u, "").replaceAll(":", "_"),
                selector: { matchLabels: { server_address: "orders" } },
              },
              target: { type: "Value", value: expect.stringMatching(/^\d+$/u) },
            },
          },
        ],
      },
    });
    expect(rule("name", "as")).toBe(scaler.getIn(["spec", "metrics", 0, "external", "metric", "name"]));
  });
});
