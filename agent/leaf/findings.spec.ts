import { findingsOf, millisecondsOf, silent } from './findings.js';
import type { Monitoring } from './monitoring.js';

const monitoring: Monitoring = {
  healthz: { status: 'ok' },
  varz: { server_id: 'NAX', version: '2.10.27', start: '2026-11-26T10:00:00.5Z', now: '2026-11-26T11:00:02Z', system_account: 'ASYS' },
  leafz: {
    leafs: [
      { account: 'ASYS', rtt: '3ms', is_spoke: true },
      { account: 'ATENANT', rtt: '1.5ms', is_spoke: true },
    ],
  },
  jsz: {
    messages: 12,
    bytes: 3_400,
    config: { max_storage: 1_000_000, store_dir: '/var/lib/nats/jetstream' },
    account_details: [{ stream_detail: [{ name: 'events', state: { messages: 12, bytes: 3_400, first_seq: 5, last_seq: 16 } }] }],
  },
};
const of = (more: Partial<Monitoring> = {}, surroundings: Parameters<typeof findingsOf>[1] = { disk: { free: 5, total: 10 }, configChecksum: 'abc' }) => findingsOf({ ...monitoring, ...more }, surroundings);

describe('what is found out about a leaf', () => {
  it('is all that its monitoring says', () => {
    expect(of()).toEqual({
      healthz: 'ok',
      upstream_connected: true,
      rtt_ms: 1.5,
      server_version: '2.10.27',
      server_id: 'NAX',
      uptime_seconds: 3_601,
      buffered_messages: 12,
      buffered_bytes: 3_400,
      buffer_max_bytes: 1_000_000,
      streams: [{ name: 'events', messages: 12, bytes: 3_400, first_seq: 5, last_seq: 16 }],
      disk_free_bytes: 5,
      disk_total_bytes: 10,
      config_checksum: 'abc',
      error: null,
    });
  });

  it.each([
    ['the control link alone is there', [{ account: 'ASYS', is_spoke: true }], false],
    ['somebody else has dialled the leaf', [{ account: 'ATENANT', is_spoke: false }], false],
    ['there is no link', undefined, false],
    ['a server that does not say who dialled has a link', [{ account: 'ATENANT' }], true],
  ])('is whether it is connected upstream, when %s', (_when, leafs, connected) => {
    expect(of({ leafz: { leafs } }).upstream_connected).toBe(connected);
  });

  it('is what is wrong with it, as it says so itself', () => {
    const error = 'JetStream is not current with the meta leader';
    expect(of({ healthz: { status: 'unavailable', error } })).toMatchObject({ healthz: error, error });
    expect(of({ jsz: { disabled: true } })).toMatchObject({ healthz: 'ok', error: expect.stringContaining('JetStream is off'), buffered_messages: null });
  });

  it('is small, however many streams there are', () => {
    const stream_detail = Array.from({ length: 500 }, (_, n) => ({ name: `s${n}`, state: { messages: 1, bytes: 1, first_seq: 1, last_seq: 1 } }));
    expect(of({ jsz: { account_details: [{ stream_detail }] } }).streams).toHaveLength(50);
  });

  it('is that there is nothing to tell when it does not answer', () => {
    expect(silent('Nobody is there.', 'abc')).toMatchObject({ healthz: 'no answer', upstream_connected: false, config_checksum: 'abc', error: 'Nobody is there.' });
  });
});

describe('a duration as Go writes it', () => {
  it.each([
    ['634µs', 0.634],
    ['1.5ms', 1.5],
    ['1m2.5s', 62_500],
    ['2h3m', 7_380_000],
    ['', null],
    [undefined, null],
  ])('%s is %s ms', (text, expected) => expect(millisecondsOf(text)).toBe(expected));
});
