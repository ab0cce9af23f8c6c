import { systemClock } from '../clock.js';
import type { CheckConfig, Result, ServiceStatus } from '../gateway/wire.js';
import { KEPT_RESULT, Results } from './results.js';

const AT = Date.parse('2026-11-26T10:00:00.250Z');
const NAME = 'a"b $(touch x) `id` %n 🏭';

const check = (publish_results: boolean): CheckConfig => ({
  check_id: '01',
  check_type: 'tcp',
  name: NAME,
  enabled: true,
  interval_sec: 10,
  timeout_sec: 5,
  target: 'plc.local',
  port: 22,
  path: '',
  method: '',
  settings: {},
  publish_results,
});
const status = (details: object): ServiceStatus => ({ service_name: NAME, available: false, message: Buffer.from(JSON.stringify(details)), service_type: 'tcp', response_time: 5_000_000, source: '01' });

describe('what checks find', () => {
  let pushed: Result[];
  let results: Results;
  beforeEach(() => {
    pushed = [];
    const put = async (result: Result) => void pushed.push(result);
    results = new Results({ put, newId: () => `r${pushed.length}`, now: () => AT, clock: systemClock, interval: () => 30 });
  });

  const lines = ({ payload }: Result) => payload.toString('utf8').split('\n').slice(0, -1).map((line) => JSON.parse(line) as Record<string, unknown>);

  it('is pushed as one result, a line for each time', async () => {
    for (const error of ['one\ntwo', 'three']) results.note(check(true), status({ error }));
    await results.push();
    const [result] = pushed;
    expect(result).toMatchObject({ result_id: 'r0', result_type: 'checks', content_type: 'application/x-ndjson', timestamp: Math.floor(AT / 1000) });
    const line = { time: '2026-11-26T10:00:00.250Z', check_id: '01', name: NAME, type: 'tcp', available: false, response_time_ns: 5_000_000 };
    expect(lines(result!)).toEqual(['one\ntwo', 'three'].map((error) => ({ ...line, details: { error } })));
  });

  it('is pushed once, and nothing is when nothing was found', async () => {
    results.note(check(true), status({}));
    await results.push();
    await results.push();
    expect(pushed).toHaveLength(1);
  });

  it('stays here, of a check of which nobody wants it', async () => {
    results.note(check(false), status({}));
    await results.push();
    expect(pushed).toEqual([]);
  });

  it('goes out before its time when there is more of it than a message of the hub has', async () => {
    for (let n = 0; n < 70; n++) results.note(check(true), status({ n, text: 'x'.repeat(16_000) }));
    await results.push();
    expect(pushed.map(({ payload }) => payload.length <= 512 * 1024)).toEqual([true, true, true]);
    expect(pushed.flatMap(lines).map(({ details }) => (details as { n: number }).n)).toEqual(Array.from({ length: 70 }, (_, n) => n));
  });

  it('is the same when it was kept', async () => {
    results.note(check(true), status({ text: 'ü' }));
    await results.push();
    expect(KEPT_RESULT.decode(KEPT_RESULT.encode(pushed[0]!))).toEqual(pushed[0]);
  });
});
