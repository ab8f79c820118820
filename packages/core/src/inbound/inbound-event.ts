/** What happened to requests that came in; times are milliseconds. */
export type InboundEvent =
  | {
      readonly type: "inbound.deadline";
      /**
       * `refused`: it came too late and was answered 504, the handler did not run. `spared`: it came too late and was
       * served all the same, because too many had been refused. `cut`: the deadline passed before an answer began, and
       * the signal aborted. With `would_` when only measured.
       */
      readonly action: "refused" | "spared" | "cut" | "would_refuse" | "would_cut";
      readonly method: string;
      /** The time that the request came with, or the longest allowed if that is less. */
      readonly givenMs: number;
      /** By how much it is short of `minDeadlineMs`, or by how much its end came after the deadline. */
      readonly byMs: number;
    }
  | {
      readonly type: "inbound.cancelled";
      readonly method: string;
      /** How long after its arrival the caller went away. */
      readonly afterMs: number;
    }
  | {
      readonly type: "inbound.header";
      readonly method: string;
      readonly header: string;
      /** It makes no sense and was ignored. */
      readonly problem: "malformed";
    }
  | {
      readonly type: "inbound.capped";
      readonly method: string;
      readonly givenMs: number;
      readonly maxDeadlineMs: number;
    };

/** What came in since the start. */
export interface InboundStats {
  readonly requests: number;
  /** Requests that have not ended. */
  readonly inFlight: number;
  /** Requests whose deadline was read. */
  readonly withDeadline: number;
  readonly refused: number;
  readonly spared: number;
  readonly cut: number;
  readonly wouldRefuse: number;
  readonly wouldCut: number;
  /** The sum of what requests that were or would have been cut ended after their deadline, in milliseconds. */
  readonly lateMs: number;
  readonly maxLateMs: number;
  /** Requests whose caller went away before the answer's end, and before the deadline where that is enforced. */
  readonly cancelled: number;
  /** Headers that made no sense. */
  readonly malformed: number;
  /** Deadlines that were longer than allowed. */
  readonly capped: number;
}
