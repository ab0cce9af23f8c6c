import { FIRST_CONFIGURATION } from '../configuration/configuration.js';
import { systemClock } from '../clock.js';
import type { CheckConfig, ServiceStatus } from '../gateway/wire.js';
import { doOnce } from './do-once.js';
import { wait } from '../wait.js';
import { nextAfter, Schedule } from './schedule.js';

const never = new AbortController().signal;
const check = (name: string, more: Partial<CheckConfig> = {}): CheckConfig => ({ ...FIRST_CONFIGURATION.checks[0]!, name, interval_sec: 0.01, ...more });
const status = (service_name: string): ServiceStatus => ({ service_name, available: true, message: Buffer.from('{}'), service_type: 'nats_leaf', response_time: 0, source: '' });

describe('the next time of a check', () => {
  it.each([
    ['is one interval later', 0, 10, 3, 10],
    ['is one interval later, also when it took just as long', 0, 10, 10, 10],
    ['leaves out those that have passed', 0, 10, 35, 40],
  ])('%s', (_what, due, interval, now, expected) => expect(nextAfter(due, interval, now)).toBe(expected));
});

describe('checks that are done again and again', () => {
  let running: Map<string, number>;
  let most: Map<string, number>;
  let done: string[];
  let gone: string[];
  let schedule: Schedule;
  beforeEach(() => {
    [running, most, done, gone] = [new Map(), new Map(), [], []];
    const count = (name: string, by: number) => {
      running.set(name, (running.get(name) ?? 0) + by);
      most.set(name, Math.max(most.get(name) ?? 0, running.get(name)!));
    };
    const perform = async ({ name }: CheckConfig, stop: AbortSignal) => {
      count(name, 1);
      await wait(name === 'slow' ? 60 : 0, stop);
      count(name, -1);
      return status(name);
    };
    schedule = new Schedule({ perform, onStatus: ({ service_name: name }) => done.push(name), onGone: (name) => gone.push(name), clock: systemClock, random: () => 0 });
  });
  afterEach(() => schedule.stop());

  const times = (name: string) => done.filter((one) => one === name).length;
  const reached = async (name: string, count: number) => {
    while (times(name) < count) await wait(1);
  };

  it('are done at their intervals, none while it is still done, and a slow one does not hold up others', async () => {
    schedule.set([check('slow'), check('quick')]);
    await reached('slow', 2);
    expect([...most]).toEqual([['slow', 1], ['quick', 1]]);
    expect(times('quick')).toBeGreaterThan(2);
  });

  it('go on undisturbed when others come, and end when they are to be done no longer', async () => {
    schedule.set([check('a'), check('b')]);
    await reached('b', 1);
    schedule.set([check('a'), check('c'), check('d', { enabled: false })]);
    await reached('c', 1);
    const before = times('b');
    await reached('a', times('a') + 2);
    expect([times('b'), times('d'), gone]).toEqual([before, 0, ['b']]);
  });

  it('are done as they are now when they are changed', async () => {
    schedule.set([check('a', { interval_sec: 3_600 })]);
    await reached('a', 1);
    schedule.set([check('a', { interval_sec: 0.01 })]);
    await reached('a', 3);
    expect(gone).toEqual([]);
  });

  it('say nothing once they were stopped', async () => {
    schedule.set([check('slow')]);
    await wait(5);
    await schedule.stop();
    expect(done).toEqual([]);
  });
});

describe('a check that is done once', () => {
  const found = async (more: Partial<CheckConfig>, stop = never) => {
    const { message, ...rest } = await doOnce(check('a"b $(touch x) 🏭', more), systemClock, stop);
    return { ...rest, details: JSON.parse(message.toString()) as Record<string, unknown> };
  };

  it('says of a type that it does not know which ones it knows', async () => {
    expect(await found({ check_type: 'snmp', check_id: '7' })).toMatchObject({
      service_name: 'a"b $(touch x) 🏭',
      service_type: 'snmp',
      source: '7',
      available: false,
      details: { error: 'This agent knows no checks of the type "snmp", but nats_leaf, tcp, http, icmp, process, grpc. Install a newer agent.' },
    });
    expect((await found({ check_type: 'constructor' })).available).toBe(false);
  });

  it('is not available when it fails, and says why', async () => {
    expect(await found({ check_type: 'tcp', target: '', port: 0 })).toMatchObject({ available: false, details: { error: expect.stringContaining('no host and port') } });
  });
});
