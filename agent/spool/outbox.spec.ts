import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import type { StatusRequest } from '../gateway/wire.js';
import { lineLog } from '../log.js';
import { KEPT_REPORT } from '../reports/reporter.js';
import { Outbox } from './outbox.js';
import { Spool } from './spool.js';

const report = (timestamp: number): StatusRequest => ({
  timestamp,
  services: [{ service_name: 'a"b $(touch x) 🏭', available: true, message: Buffer.from('{"text":"ü"}'), service_type: 'tcp', response_time: 5, source: '', salient: '[true]' }],
});

describe('reports on their way', () => {
  let directory: string;
  let spool: Spool;
  let isConnected: boolean;
  let received: StatusRequest[];
  /** Reports that the gateway does not take, by their times. */
  let refused: Set<number>;
  let said: string;
  let outbox: Outbox<StatusRequest>;
  /** What the gateway waits for before it takes a report. */
  let holding: (() => Promise<void>) | undefined;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'outbox-'));
    spool = new Spool({ directory, now: () => 0, segmentBytes: 600 });
    [isConnected, received, refused, said, holding] = [true, [], new Set(), '', undefined];
    const send = async (reports: readonly StatusRequest[]) => {
      await holding?.();
      if (!isConnected) throw Object.assign(new Error('gone'), { code: status.UNAVAILABLE });
      for (const one of reports) {
        if (refused.has(one.timestamp)) throw Object.assign(new Error('refused'), { code: status.INVALID_ARGUMENT, details: 'not valid' });
        received.push(one);
      }
    };
    outbox = new Outbox({ kept: KEPT_REPORT, spool, isConnected: () => isConnected, send, log: lineLog((line) => (said += line), () => 0) });
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const times = () => received.map(({ timestamp }) => timestamp);
  const put = async (...all: number[]) => {
    for (const time of all) await outbox.put(report(time));
  };

  it('are sent at once, and touch no disk', async () => {
    await put(1, 2);
    expect([times(), spool.isEmpty]).toEqual([[1, 2], true]);
  });

  it('are kept while nobody takes them, and come in their order before what is new', async () => {
    isConnected = false;
    await put(1, 2, 3, 4, 5, 6);
    expect(received).toEqual([]);
    isConnected = true;
    await put(7);
    expect([times(), spool.isEmpty]).toEqual([[1, 2, 3, 4, 5, 6, 7], true]);
    const { salient: _salient, ...service } = report(1).services[0]!;
    expect(received[0]).toEqual({ timestamp: 1, services: [service] });
    expect(said).toContain('sent what was kept reports=7 dropped=0');
  });

  it('come in their order when one is made while another is being sent, which fails', async () => {
    let fail: ((error: Error) => void) | undefined;
    const isBegun = new Promise<void>((begun) => {
      holding = () => {
        begun();
        return new Promise((_resolve, reject) => (fail = reject));
      };
    });
    const first = put(1);
    await isBegun;
    holding = undefined;
    const second = put(2);
    isConnected = false;
    fail!(Object.assign(new Error('gone'), { code: status.UNAVAILABLE }));
    await Promise.all([first, second]);
    isConnected = true;
    await put(3);
    expect([times(), spool.isEmpty]).toEqual([[1, 2, 3], true]);
  });

  it('go on without one that is not taken, which is counted', async () => {
    isConnected = false;
    await put(1, 2, 3);
    isConnected = true;
    refused.add(2);
    await outbox.drain();
    refused.add(4);
    await put(4, 5);
    expect([[...new Set(times())], spool.isEmpty, spool.dropped]).toEqual([[1, 3, 5], true, 2]);
  });
});
