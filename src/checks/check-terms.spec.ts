import { type CheckTerms, completed, LEAF_CHECK_NAME, problemsOf } from './check-terms.js';

const BLANK: CheckTerms = {
  name: 'A check',
  checkType: 'icmp',
  enabled: true,
  intervalSec: 30,
  timeoutSec: 5,
  target: '10.20.0.5',
  port: null,
  path: null,
  method: null,
  settings: {},
  publishResults: false,
};
const TCP = { checkType: 'tcp', port: 22 } as const;
const HTTP = { checkType: 'http', target: 'plc.local' } as const;
const GRPC = { checkType: 'grpc', port: 50_051 } as const;
const PROCESS = { checkType: 'process', target: 'nats-server' } as const;

const problems = (terms: Partial<CheckTerms>) => problemsOf(completed({ ...BLANK, ...terms })).map(({ pointer, code }) => `${pointer} ${code}`);

describe('a check', () => {
  it.each<[string, Partial<CheckTerms>]>([
    ['tcp', TCP],
    ['tcp to an IPv6 address', { ...TCP, target: '2001:db8::1' }],
    ['http', HTTP],
    ['http, of everything', { ...HTTP, port: 8443, path: '/health/%C3%A4?full=1&a=b', method: 'HEAD', settings: { scheme: 'https', expected_status: '200-299,401', tls_verify: 'false', server_name: 'plc.local' } }],
    ['icmp', {}],
    ['icmp to localhost', { target: 'localhost' }],
    ['process', PROCESS],
    ['process with a blank and more', { ...PROCESS, target: 'a b [a"b] $(touch x) `id` %n 🏭' }],
    ['grpc', GRPC],
    ['grpc of a service', { ...GRPC, settings: { service: 'acme.v1.Line/Health-2', tls: 'true', tls_verify: 'true' } }],
    ['with the longest timeout', { intervalSec: 10, timeoutSec: 9 }],
  ])('of the type %s is taken', (_what, terms) => expect(problems(terms)).toEqual([]));

  it.each<[string, Partial<CheckTerms>, string[]]>([
    ['tcp without a port', { ...TCP, port: null }, ['/port required']],
    ['tcp with a path and a method', { ...TCP, path: '/', method: 'GET' }, ['/path not_applicable', '/method not_applicable']],
    ['tcp with settings', { ...TCP, settings: { scheme: 'https' } }, ['/settings/scheme not_applicable']],
    ['http with another scheme', { ...HTTP, settings: { scheme: 'file' } }, ['/settings/scheme invalid_for_type']],
    ['http by another method', { ...HTTP, method: 'POST' }, ['/method invalid_for_type']],
    ['http with a path that is none', { ...HTTP, path: 'health' }, ['/path invalid_for_type']],
    ['http with a line break in its path', { ...HTTP, path: '/a\r\nHost: b' }, ['/path invalid_for_type']],
    ['http with a blank, a quote or a fragment', { ...HTTP, path: '/a b"#c' }, ['/path invalid_for_type']],
    ['http with a long path', { ...HTTP, path: `/${'a'.repeat(1024)}` }, ['/path invalid_for_type']],
    ['http with a URL for its target', { ...HTTP, target: 'http://plc.local' }, ['/target invalid_for_type']],
    ['http with statuses that are none', { ...HTTP, settings: { expected_status: '200,ok' } }, ['/settings/expected_status invalid_for_type']],
    ['http with a range the wrong way', { ...HTTP, settings: { expected_status: '299-200' } }, ['/settings/expected_status invalid_for_type']],
    ['http with a setting that objects inherit', { ...HTTP, settings: { constructor: 'x' } as never }, ['/settings/constructor not_applicable']],
    ['icmp with a port', { port: 7 }, ['/port not_applicable']],
    ['process with a path in its name', { ...PROCESS, target: '/usr/bin/nats-server' }, ['/target invalid_for_type']],
    ['process with an option for its name', { ...PROCESS, target: '--help' }, ['/target invalid_for_type']],
    ['process with a line break', { ...PROCESS, target: 'a\nb' }, ['/target invalid_for_type']],
    ['grpc without a port', { ...GRPC, port: null }, ['/port required']],
    ['grpc of a service that is none', { ...GRPC, settings: { service: '$(touch x)' } }, ['/settings/service invalid_for_type']],
    ['named as the leaf’s', { name: LEAF_CHECK_NAME.toUpperCase() }, ['/name reserved']],
    ['that takes as long as its interval', { intervalSec: 30, timeoutSec: 30 }, ['/timeout_sec too_long']],
    ['of which several things are wrong', { ...TCP, port: null, target: '-x', timeoutSec: 60 }, ['/timeout_sec too_long', '/target invalid_for_type', '/port required']],
  ])('%s is refused', (_what, terms, refused) => expect(problems(terms)).toEqual(refused));

  it.each(['-f', '-W1', '--help', '$(touch x)', '`id`', "'; rm", 'a"b', '%n', '🏭', 'a b', '', '.', '-', 'fe80::1%eth0', '[::1]', 'host:80', '1.2.3'])(
    'to ping %j is refused',
    (target) => expect(problems({ target })).toEqual(['/target invalid_for_type']),
  );
});

describe('an http check', () => {
  it('asks for / by GET at the port of its scheme, unless it says otherwise', () => {
    expect(completed({ ...BLANK, ...HTTP })).toMatchObject({ port: 80, path: '/', method: 'GET' });
    expect(completed({ ...BLANK, ...HTTP, settings: { scheme: 'https' } })).toMatchObject({ port: 443 });
    expect(completed({ ...BLANK, ...HTTP, port: 8080, path: '/x', method: 'HEAD' })).toMatchObject({ port: 8080, path: '/x', method: 'HEAD' });
  });
});
