import {
  LegendDisplayMode,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} from "@grafana/grafana-foundation-sdk/dashboard";
import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { configError } from "@proxyless/core";
import { knownKeys, record, text } from "@proxyless/core/discovery";

import { Series } from "../series.ts";
import { attempts, goldenSignals } from "./calls.ts";
import { circuits, connections, discovery, endpoints } from "./endpoints.ts";
import type { BoardPanel, RowWriter } from "./panel.ts";
import { eventLoop, limits } from "./process.ts";

/** How a board differs from the shipped one. */
export interface BoardOptions {
  /** Default: `proxyless`. */
  readonly title?: string | undefined;
  /** The same in the address of the board: letters, digits, `-` and `_`, up to 40 of them. Default: `proxyless`. */
  readonly uid?: string | undefined;
  /** Over which time rates are taken: `1m`, or a variable of Grafana. Default: `$__rate_interval`, four scrapes at least. */
  readonly window?: string | undefined;
}

const rows: readonly RowWriter[] = [
  goldenSignals,
  attempts,
  circuits,
  endpoints,
  limits,
  connections,
  discovery,
  eventLoop,
];

/** Grafana's grid has 24 columns. */
const panelWidth = 8;
const panelHeight = 8;
const datasource = { type: "prometheus", uid: "${datasource}" };

/**
 * A board for Grafana, with variables for the data source, the job and the service: what `JSON.stringify` makes of it
 * can be imported or provisioned.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function grafanaBoard(options: BoardOptions = {}): Dashboard {
  knownKeys("", record("options", options), ["title", "uid", "window"]);
  const window = text("window", options.window ?? "$__rate_interval");
  const board = new DashboardBuilder(text("title", options.title ?? "proxyless"))
    .uid(checkedUid(options.uid ?? "proxyless"))
    .tags(["proxyless"])
    .refresh("30s")
    .time({ from: "now-1h", to: "now" })
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"))
    .withVariable(labelVariable("job", "Job", "label_values(proxyless_lb_subset_size, job)"))
    .withVariable(
      labelVariable(
        "service",
        "Service",
        'label_values(proxyless_client_calls_total{job=~"$job"}, server_address)',
      ),
    );
  const series = new Series(['job=~"$job"'], [], ['server_address=~"$service"']);
  let id = 0;
  for (const write of rows) {
    const { panels, title } = write(series, window);
    board.withRow(new RowBuilder(title).id(++id));
    for (const panel of panels) board.withPanel(panelOf(panel).id(++id));
  }
  return board.build();
}

function checkedUid(uid: unknown): string {
  if (typeof uid !== "string" || !/^[\w-]{1,40}$/.test(uid)) {
    throw configError("uid", "1 to 40 letters, digits, - and _", uid);
  }
  return uid;
}

function labelVariable(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(datasource)
    .query({ query, refId: name })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .multi(true)
    .includeAll(true)
    .allValue(".*")
    .current({ selected: true, text: ["All"], value: ["$__all"] });
}

function panelOf({ description, isStacked, queries, title, unit }: BoardPanel): PanelBuilder {
  const panel = new PanelBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .unit(unit)
    .min(0)
    .span(panelWidth)
    .height(panelHeight)
    .fillOpacity(isStacked ? 30 : 10)
    .legend(new VizLegendOptionsBuilder().showLegend(true).displayMode(LegendDisplayMode.List))
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi));
  if (isStacked) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  for (const [index, { expr, legend }] of queries.entries()) {
    panel.withTarget(
      new DataqueryBuilder()
        .datasource(datasource)
        .refId(String.fromCodePoint("A".charCodeAt(0) + index))
        .expr(expr)
        .range()
        .legendFormat(legend),
    );
  }
  return panel;
}
