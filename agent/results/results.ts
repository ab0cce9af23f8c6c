import type { Clock } from '../clock.js';
import type { CheckConfig, Result, ServiceStatus } from '../gateway/wire.js';
import { Pace } from '../pace.js';
import type { Kept } from '../spool/outbox.js';

/** Bytes of a result, but for one finding that has more: the hub has each as one message. */
const RESULT_BYTES = 512 * 1024;

export interface ResultsOptions {
  /** Sends or keeps a result; it throws nothing. */
  put: (result: Result) => Promise<void>;
  /** Never the same twice, also when the agent is started again. */
  newId: () => string;
  /** The time as far as it is known, in milliseconds since 1970. */
  now: () => number;
  clock: Clock;
  /** Seconds. */
  interval: () => number;
}

/** What checks find, one time after the other, of those whose findings people want to have: gathered, and pushed every so many seconds. */
export class Results {
  readonly #pace: Pace;
  #lines: Buffer[] = [];
  #bytes = 0;

  constructor(private readonly options: ResultsOptions) {
    this.#pace = new Pace(options.clock, () => options.interval() * 1000);
  }

  /** Notes what a check has found, if it is to be published. */
  note(check: CheckConfig, status: ServiceStatus): void {
    if (!check.publish_results) return;
    const line = lineOf(check, status, this.options.now());
    if (this.#bytes + line.length > RESULT_BYTES) void this.push();
    this.#lines.push(line);
    this.#bytes += line.length;
  }

  /** The interval is another. */
  retime(): void {
    this.#pace.changed();
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#pace.each(signal, () => this.push());
  }

  /** Makes a result of what was found since the last one, if anything was. */
  async push(): Promise<void> {
    if (this.#lines.length === 0) return;
    const payload = Buffer.concat(this.#lines);
    [this.#lines, this.#bytes] = [[], 0];
    const { put, newId, now } = this.options;
    await put({ result_id: newId(), result_type: 'checks', payload, content_type: 'application/x-ndjson', timestamp: Math.floor(now() / 1000) });
  }
}

/** A JSON object, and the end of its line. */
function lineOf({ check_id, name, check_type: type }: CheckConfig, { available, response_time: response_time_ns, message }: ServiceStatus, now: number): Buffer {
  const details = JSON.parse(message.toString('utf8')) as object;
  return Buffer.from(`${JSON.stringify({ time: new Date(now).toISOString(), check_id, name, type, available, response_time_ns, details })}\n`);
}

/** A result that is kept is JSON, with its lines as the text that they are. */
export const KEPT_RESULT: Kept<Result> = {
  noun: 'result',
  encode: ({ payload, ...one }) => Buffer.from(JSON.stringify({ ...one, payload: payload.toString('utf8') })),
  decode(content) {
    const { payload, ...one } = JSON.parse(content.toString('utf8')) as Omit<Result, 'payload'> & { payload: string };
    return { ...one, payload: Buffer.from(payload) };
  },
};
