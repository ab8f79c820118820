/** A unit of `grpc-timeout`: `n` of it are `n × up / down` milliseconds. Finest first. */
interface Unit {
  readonly letter: string;
  readonly up: number;
  readonly down: number;
}

const nanoseconds: Unit = { letter: "n", up: 1, down: 1_000_000 };
const microseconds: Unit = { letter: "u", up: 1, down: 1_000 };
const milliseconds: Unit = { letter: "m", up: 1, down: 1 };
const seconds: Unit = { letter: "S", up: 1_000, down: 1 };
const minutes: Unit = { letter: "M", up: 60_000, down: 1 };
const hours: Unit = { letter: "H", up: 3_600_000, down: 1 };

const units = [nanoseconds, microseconds, milliseconds, seconds, minutes, hours];

/** The protocol allows eight digits. */
const maxCount = 99_999_999;

/**
 * A time as the value of `grpc-timeout` ("PROTOCOL-HTTP2.md" of gRPC: 1 to 8 digits and one of `H M S m u n`), rounded
 * down, so that the receiver never has more time than there is.
 * @param ms how much time there is
 * @returns `undefined` where the protocol has no value for it: less than a nanosecond, or no limit at all
 */
export function formatGrpcTimeout(ms: number): string | undefined {
  if (!(ms >= 1e-6 && ms < Infinity)) return undefined;
  // Anything longer than a microsecond is told well enough in microseconds.
  const finest = ms < 0.001 ? nanoseconds : microseconds;
  for (const unit of units) {
    if (unit.down > finest.down) continue;
    let count = Math.floor((ms / unit.up) * unit.down);
    if (count > maxCount) continue;
    // The multiplication may have rounded up to the next whole number.
    if ((count * unit.up) / unit.down > ms) count--;
    return `${count}${unit.letter}`;
  }
  return `${maxCount}H`;
}

/**
 * The milliseconds of a `grpc-timeout`.
 * @returns `undefined` for everything that the protocol does not allow, 0 among it
 */
export function parseGrpcTimeout(value: string): number | undefined {
  if (!/^\d{1,8}[HMSmun]$/.test(value)) return undefined;
  const count = Number(value.slice(0, -1));
  const unit = units.find(({ letter }) => value.endsWith(letter));
  return unit === undefined || count === 0 ? undefined : (count * unit.up) / unit.down;
}
