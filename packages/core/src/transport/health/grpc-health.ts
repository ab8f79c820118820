/** The states of `grpc.health.v1.HealthCheckResponse`. */
const states = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const SERVING = 1;
const VARINT = 0;
const LENGTH = 2;

/** A `HealthCheckRequest` as it goes on the wire: an uncompressed gRPC message with the service's name as field 1. */
export function checkRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const message =
    service === "" ? name : Buffer.concat([Buffer.from([(1 << 3) | LENGTH]), varint(name.length), name]);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** What a `HealthCheckResponse` says against the service; undefined when it is serving. */
export function servingProblem(frame: Buffer): string | undefined {
  if (frame.length < 5 || frame[0] !== 0 || frame.readUInt32BE(1) !== frame.length - 5) {
    return "the answer is no gRPC message";
  }
  // An empty message is one whose only field has its default, 0.
  let state = 0;
  for (let at = 5; at < frame.length;) {
    const tag = frame[at++]!;
    if (tag !== ((1 << 3) | VARINT)) return "the answer is no HealthCheckResponse";
    state = frame[at++] ?? 0;
  }
  return state === SERVING ? undefined : (states[state] ?? `state ${state}`);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}
