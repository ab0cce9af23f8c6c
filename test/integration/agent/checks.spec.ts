import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Server as GrpcServer, ServerCredentials, status } from '@grpc/grpc-js';
import { freePort } from '../../../lab/free-port.js';
import { temporaryDirectory } from '../../../lab/temporary-directory.js';
import { doOnce } from '../../../agent/checks/do-once.js';
import { systemClock } from '../../../agent/clock.js';
import type { CheckConfig } from '../../../agent/gateway/wire.js';

let directory: string;
const servers: { close(): unknown }[] = [];
beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => {
  servers.forEach((server) => server.close());
  rmSync(directory, { recursive: true });
});

const listen = async <T extends Server>(server: T): Promise<number> => {
  servers.push(server);
  await promisify<number, string>(server.listen.bind(server))(0, '127.0.0.1');
  return (server.address() as AddressInfo).port;
};
const does = async (check: Partial<CheckConfig>) => {
  const whole = { check_id: '1', check_type: '', name: 'a check', enabled: true, interval_sec: 10, timeout_sec: 30, target: '127.0.0.1', port: 0, path: '', method: '', settings: {}, publish_results: false, ...check };
  const { available, message } = await doOnce(whole, systemClock, new AbortController().signal);
  return { available, details: JSON.parse(message.toString()) as Record<string, unknown> };
};

describe('a check by tcp', () => {
  it('is whether somebody accepts connections', async () => {
    const port = await listen(createTcpServer());
    expect(await does({ check_type: 'tcp', port })).toEqual({ available: true, details: { address: '127.0.0.1', port } });
    const closed = await freePort();
    expect(await does({ check_type: 'tcp', port: closed })).toEqual({ available: false, details: { error: expect.stringContaining('ECONNREFUSED') } });
  });
});

describe('a check by http', () => {
  let port: number;
  const answer: RequestListener = ({ url, method }, response) => {
    if (url === '/silent') return;
    response.writeHead(Number(/\d+/.exec(url!)?.[0] ?? 200), { location: '/elsewhere', 'x-method': method }).end('x'.repeat(1_000_000));
  };
  beforeAll(async () => {
    port = await listen(createServer(answer));
  });

  it.each<[string, Record<string, string>, boolean]>([
    ['/', {}, true],
    ['/302', {}, true],
    ['/404', {}, false],
    ['/404', { expected_status: '200-299,404' }, true],
    ['/200', { expected_status: '204' }, false],
  ])('of %s with %s: %s', async (path, settings, available) => {
    expect((await does({ check_type: 'http', port, path, settings })).available).toBe(available);
  });

  it('says what was answered, and what was expected', async () => {
    const url = `http://127.0.0.1:${port}/503`;
    expect((await does({ check_type: 'http', port, path: '/503', method: 'HEAD' })).details).toEqual({ url, status: 503, error: `${url} answered 503, and 200-399 is expected.` });
  });

  it('ends when its time is over', async () => {
    expect(await does({ check_type: 'http', port, path: '/silent', timeout_sec: 1 })).toEqual({ available: false, details: { error: 'There was no answer within 1 s.' } });
  });

  describe('over TLS', () => {
    let secure: number;
    beforeAll(async () => {
      const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(directory, name)) as [string, string];
      execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, '-subj', '/CN=plc.example.com', '-days', '30'], { stdio: 'ignore' });
      secure = await listen(createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, answer));
    });

    it('is a failure when nobody vouches for the certificate', async () => {
      expect(await does({ check_type: 'http', port: secure, settings: { scheme: 'https' } })).toEqual({ available: false, details: { error: expect.stringContaining('self-signed') } });
    });

    it('says how long the certificate is good for', async () => {
      const { available, details } = await does({ check_type: 'http', port: secure, settings: { scheme: 'https', tls_verify: 'false' } });
      expect([available, details.status]).toEqual([true, 200]);
      expect([29, 30]).toContain(details.certificate_expires_in_days);
    });
  });
});

describe('a check of a process', () => {
  it('is whether one of that name runs', async () => {
    const { available, details } = await does({ check_type: 'process', target: 'node' });
    expect([available, details.running]).toEqual([true, expect.any(Number)]);
    expect(await does({ check_type: 'process', target: 'a"b $(touch x) 🏭' })).toEqual({ available: false, details: { running: 0, error: 'No process is called "a\\"b $(touch x) 🏭".' } });
  });
});

describe('a check by grpc', () => {
  /** Serving, not serving, and unknown to somebody who watches. */
  const statuses: Record<string, number> = { 'line.Three': 2, 'line.One': 1, 'line.Four': 3 };
  let port: number;
  beforeAll(async () => {
    // As grpc.health.v1 has it: the name of the service in field 1, the status in field 1.
    const serialize = (value: number) => Buffer.from([0x08, value]);
    const deserialize = (bytes: Buffer) => bytes.subarray(2).toString();
    const path = '/grpc.health.v1.Health/Check';
    const server = new GrpcServer();
    server.addService(
      { Check: { path, requestStream: false, responseStream: false, requestSerialize: serialize, requestDeserialize: deserialize, responseSerialize: serialize, responseDeserialize: deserialize } } as never,
      {
        Check: ({ request }: { request: string }, answer: (error: object | null, value?: number) => void) =>
          request in statuses ? answer(null, statuses[request]) : answer({ code: status.NOT_FOUND, details: 'unknown service' }),
      },
    );
    port = await (promisify(server.bindAsync.bind(server)) as (address: string, credentials: ServerCredentials) => Promise<number>)('127.0.0.1:0', ServerCredentials.createInsecure());
    servers.push({ close: () => server.forceShutdown() });
  });

  it.each<[string, boolean, string | undefined]>([
    ['line.Three', true, undefined],
    ['line.One', false, 'It says NOT_SERVING of "line.One".'],
    ['line.Four', false, 'It says SERVICE_UNKNOWN of "line.Four".'],
    ['nobody', false, 'unknown service'],
  ])('is whether %s serves: %s', async (service, available, error) => {
    const found = await does({ check_type: 'grpc', port, settings: { service } });
    expect([found.available, found.details.error]).toEqual([available, error]);
  });

  it('is a failure when nobody is there', async () => {
    expect(await does({ check_type: 'grpc', port: await freePort() })).toEqual({ available: false, details: { error: expect.stringContaining('ECONNREFUSED') } });
  });
});
