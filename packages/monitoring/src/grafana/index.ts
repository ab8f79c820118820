export { grafanaBoard } from "../board/grafana-board.ts";
export type { BoardOptions } from "../board/grafana-board.ts";
